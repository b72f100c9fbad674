//! Short links over gRPC, kept in PostgreSQL.
