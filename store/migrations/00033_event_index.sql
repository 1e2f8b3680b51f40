-- +goose Up
-- Which events an account has stood in a key of event over their names: a page
-- anywhere in it was written for each decision. Now the account's row, which
-- is written anyway, lists the newest (recent), and sixteen at a time go into
-- event_index. n counts events in the order they were written; its last 16
-- bits are those of their name (event_digest, store/names.go), by which one is
-- found, or known not to be there, without a look at its row.
CREATE TABLE event_named (
    n           INTEGER PRIMARY KEY,
    account_id  BLOB    NOT NULL,
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    answer      TEXT    NOT NULL,
    data        TEXT    NOT NULL
);
INSERT INTO event_named (n, account_id, source, id, at, received_at, kind, subject, hash, answer, data)
    SELECT rowid << 16 | event_digest(source, id), account_id, source, id, at, received_at, kind, subject, hash, answer, data FROM event ORDER BY rowid;
DROP TABLE event;
ALTER TABLE event_named RENAME TO event;
CREATE INDEX login_by_arrival ON event (received_at) WHERE kind = 'login.attempted';
CREATE INDEX dispute_by_arrival ON event (received_at) WHERE kind = 'payment.disputed';

CREATE TABLE event_index (
    account_id  BLOB    NOT NULL,
    digest      INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest, n)
) WITHOUT ROWID;
INSERT INTO event_index (account_id, digest, n) SELECT account_id, n & 65535, n FROM event ORDER BY account_id, n & 65535, n;

ALTER TABLE account ADD COLUMN recent TEXT NOT NULL DEFAULT '[]'; -- JSON list of n
ALTER TABLE account ADD COLUMN indexed INTEGER NOT NULL DEFAULT 1; -- 0: it has none in event_index

CREATE VIEW account_recent (account_id, digest, n) AS
    SELECT a.account_id, r.value & 65535, r.value FROM account a, json_each(a.recent) r;

-- +goose StatementBegin
CREATE TRIGGER event_gone AFTER DELETE ON event BEGIN
    DELETE FROM event_index WHERE account_id = OLD.account_id AND digest = OLD.n & 65535 AND n = OLD.n;
    UPDATE account SET recent = (SELECT json_group_array(value) FROM json_each(recent) WHERE value <> OLD.n)
        WHERE account_id = OLD.account_id AND instr(recent, OLD.n) > 0;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER event_gone;
DROP VIEW account_recent;
CREATE TABLE event_keyed (
    account_id  BLOB    NOT NULL,
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    answer      TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    PRIMARY KEY (account_id, source, id)
);
INSERT INTO event_keyed (account_id, source, id, at, received_at, kind, subject, hash, answer, data)
    SELECT account_id, source, id, at, received_at, kind, subject, hash, answer, data FROM event ORDER BY n;
DROP TABLE event_index;
DROP TABLE event;
ALTER TABLE event_keyed RENAME TO event;
CREATE INDEX login_by_arrival ON event (received_at) WHERE kind = 'login.attempted';
CREATE INDEX dispute_by_arrival ON event (received_at) WHERE kind = 'payment.disputed';
ALTER TABLE account DROP COLUMN recent;
ALTER TABLE account DROP COLUMN indexed;
