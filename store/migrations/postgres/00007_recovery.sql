-- +goose Up
CREATE TABLE recovery (
    account_id  uuid    NOT NULL,
    id          text    NOT NULL,
    token_hash  bytea   NOT NULL,
    expires_at  bigint  NOT NULL,
    ended_at    bigint  NOT NULL,
    doc         text    NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX recovery_by_token ON recovery (token_hash);

-- "grant" is a word of SQL's own.
CREATE TABLE password_grant (
    account_id  uuid    NOT NULL,
    jti         text    NOT NULL,
    recovery    text    NOT NULL,
    source      text    NOT NULL,
    expires_at  bigint  NOT NULL,
    redeemed_at bigint  NOT NULL,
    void_at     bigint  NOT NULL,
    doc         text    NOT NULL,
    PRIMARY KEY (account_id, jti)
);
CREATE INDEX password_grant_by_jti ON password_grant (jti);
CREATE INDEX password_grant_by_recovery ON password_grant (account_id, recovery);
