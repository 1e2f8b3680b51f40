-- +goose Up
CREATE TABLE recovery (
    account_id  BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    token_hash  BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX recovery_by_token ON recovery (token_hash);

-- "grant" is a word of SQL's own.
CREATE TABLE password_grant (
    account_id  BLOB    NOT NULL,
    jti         TEXT    NOT NULL,
    recovery    TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    redeemed_at INTEGER NOT NULL,
    void_at     INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    PRIMARY KEY (account_id, jti)
);
CREATE INDEX password_grant_by_jti ON password_grant (jti);
CREATE INDEX password_grant_by_recovery ON password_grant (account_id, recovery);
