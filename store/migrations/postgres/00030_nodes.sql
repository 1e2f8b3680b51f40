-- +goose Up
-- The processes that work on one database. A node counts beats up; the others
-- see by their own clocks when it stops. Only PostgreSQL has more than one.
CREATE TABLE node (
    id          text    NOT NULL PRIMARY KEY,
    beats       bigint  NOT NULL,
    begun_at    bigint  NOT NULL,
    version     text    NOT NULL
);
-- Who holds a step's lease, so that a dead node's can be voided.
ALTER TABLE step ADD COLUMN owner text NOT NULL DEFAULT '';
