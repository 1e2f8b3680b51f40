-- +goose Up
-- Fakes that customers handed in: fingerprints and hosts, nothing of a person.
CREATE TABLE sighting (
    n   INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL,
    doc TEXT    NOT NULL
);
CREATE INDEX sighting_at ON sighting (at);
-- What comes back names its mail by the Message-ID.
CREATE INDEX notice_message ON notice (message_id) WHERE message_id <> '';
