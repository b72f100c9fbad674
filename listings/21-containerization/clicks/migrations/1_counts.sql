-- What was counted.
CREATE TABLE clicks.counts (
    code text PRIMARY KEY,
    clicks bigint NOT NULL
);

-- The dedup key: each click that was counted, by its id.
CREATE TABLE clicks.seen (
    id text PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);

-- Ids are forgotten by their age.
CREATE INDEX seen_at ON clicks.seen (at);
