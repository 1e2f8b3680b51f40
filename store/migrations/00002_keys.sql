-- +goose Up
-- Keys are wrapped by the master key, which is never here.
CREATE TABLE key (
    id          TEXT    NOT NULL PRIMARY KEY,
    use         TEXT    NOT NULL,
    wrapped     BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    not_before  INTEGER NOT NULL,
    retired_at  INTEGER NOT NULL
);

-- A destroyed key is overwritten where it stands. Rows are added at the end
-- and never deleted, so that SQLite does not carry copies from page to page.
CREATE TABLE account_key (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    destroyed   INTEGER NOT NULL,
    added_at    INTEGER NOT NULL,
    wrapped     BLOB    NOT NULL
);
CREATE UNIQUE INDEX account_key_living ON account_key (account_id) WHERE destroyed = 0;
