-- +goose Up
-- What the nodes on one database tell each other of their traffic, each in the
-- order of its own count; removed after some minutes.
CREATE TABLE exchange (
    node        TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    doc         BLOB    NOT NULL,
    PRIMARY KEY (node, seq)
);
