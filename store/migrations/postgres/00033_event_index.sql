-- +goose Up
-- Here the key of event stays: PostgreSQL logs what changes in a page of it, not
-- the whole page each time, as SQLite does.
SELECT 1;

-- +goose Down
SELECT 1;
