-- +goose Up
-- One log over all accounts: its key is its place in the tree. Entries and
-- hashes are never changed or removed; the signed head is what proves it, the
-- triggers only stop a slip.
CREATE TABLE audit_entry (
    seq         INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT    NOT NULL,
    act         TEXT    NOT NULL,
    looked      INTEGER NOT NULL, -- a look at one customer's data that was allowed
    account_id  BLOB,
    incident    TEXT    NOT NULL,
    raw         BLOB    NOT NULL
);
CREATE INDEX audit_by_account ON audit_entry (account_id, seq) WHERE account_id IS NOT NULL;
CREATE INDEX audit_by_incident ON audit_entry (incident, seq) WHERE incident <> '';
CREATE INDEX audit_by_actor ON audit_entry (actor_id, actor_kind, at);

CREATE TABLE audit_hash (
    position    INTEGER PRIMARY KEY,
    hash        BLOB    NOT NULL
);

CREATE TABLE audit_head (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    size        INTEGER NOT NULL,
    head        BLOB    NOT NULL
);

CREATE TABLE audit_anchor (
    n           INTEGER PRIMARY KEY,
    head        BLOB    NOT NULL,
    place       TEXT    NOT NULL,
    at          INTEGER NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER audit_entry_stays BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entry_remains BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_hash_stays BEFORE UPDATE ON audit_hash BEGIN SELECT RAISE(ABORT, 'audit hashes are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_hash_remains BEFORE DELETE ON audit_hash BEGIN SELECT RAISE(ABORT, 'audit hashes are never removed'); END;
-- +goose StatementEnd
