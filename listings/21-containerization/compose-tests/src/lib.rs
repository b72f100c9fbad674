//! The system of module 21 as Compose brings it up: see the tests.
