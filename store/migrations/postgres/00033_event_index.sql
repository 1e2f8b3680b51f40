-- +goose Up
-- Here a row's pages are written by its own log record, not whole: the key of
-- event stays.
SELECT 1;

-- +goose Down
SELECT 1;
