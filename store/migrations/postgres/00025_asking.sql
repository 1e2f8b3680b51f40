-- +goose Up
-- Those that wait for a person, newest first: the alarms look for them often,
-- also while there are a hundred thousand others.
CREATE INDEX incident_asking ON incident (opened_at, id) WHERE needs_person > 0;
