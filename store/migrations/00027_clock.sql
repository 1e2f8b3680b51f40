-- +goose Up
-- What the clocks said, a row for each boot of a machine: by it a wall clock
-- that was set is found out. The rows 'backup' and 'restored' are those of a copy.
CREATE TABLE clock (
    boot    TEXT    NOT NULL PRIMARY KEY,
    wall    INTEGER NOT NULL,
    steady  INTEGER NOT NULL -- nanoseconds since the boot
);

-- +goose Down
DROP TABLE clock;
