-- +goose Up
-- The processes that work on one database. A node counts beats up; the others
-- see by their own clocks when it stops. Only PostgreSQL has more than one.
CREATE TABLE node (
    id          TEXT    NOT NULL PRIMARY KEY,
    beats       INTEGER NOT NULL,
    begun_at    INTEGER NOT NULL,
    version     TEXT    NOT NULL
);
-- Who holds a step's lease, so that a dead node's can be voided.
ALTER TABLE step ADD COLUMN owner TEXT NOT NULL DEFAULT '';
