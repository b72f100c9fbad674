-- Links by code. Sorted by bytes, as the programs sort them, and not
-- as a language does.
CREATE TABLE links (
    code text COLLATE "C" PRIMARY KEY,
    target text NOT NULL
);

-- How many were ever made: a code is never given out twice.
CREATE SEQUENCE made MINVALUE 0;
