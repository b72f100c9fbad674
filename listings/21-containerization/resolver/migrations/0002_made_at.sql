-- An older program does not know the column, and still makes links:
-- during an update both run.
ALTER TABLE links
    ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
