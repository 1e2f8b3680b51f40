-- +goose Up
-- What comes back names its mail by the Message-ID.
CREATE INDEX notice_message ON notice (message_id) WHERE message_id <> '';
