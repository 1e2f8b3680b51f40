-- +goose Up
-- What the nodes on one database tell each other of their traffic, each in the
-- order of its own count; removed after some minutes.
CREATE TABLE exchange (
    node        text    NOT NULL,
    seq         bigint  NOT NULL,
    at          bigint  NOT NULL,
    doc         bytea   NOT NULL,
    PRIMARY KEY (node, seq)
);
