-- +goose Up
-- A new second step proves nothing until an older one has vouched for it. Those
-- that were there before count as they did.
ALTER TABLE factor ADD COLUMN confirmed_at bigint  NOT NULL DEFAULT 0;
UPDATE factor SET confirmed_at = usable_at;

-- Wrong tries are counted by lane: a browser that is known as the customer's
-- has its own, so that a stranger's wrong tries do not lock her out.
CREATE TABLE factor_lane (
    account_id  uuid    NOT NULL,
    lane        text    NOT NULL,
    failures    bigint  NOT NULL,
    until       bigint  NOT NULL,
    PRIMARY KEY (account_id, lane)
);
INSERT INTO factor_lane SELECT account_id, '', failures, until FROM factor_throttle;
DROP TABLE factor_throttle;

ALTER TABLE mailed_code ADD COLUMN lane text NOT NULL DEFAULT '';

-- A passkey ceremony under way: its challenge is used once (WebAuthn L3 §13.4.3).
CREATE TABLE ceremony (
    account_id  uuid    NOT NULL,
    ref         text    NOT NULL,
    expires_at  bigint  NOT NULL,
    doc         bytea   NOT NULL,
    PRIMARY KEY (account_id, ref)
);

-- Browsers that entered the centre from a device that counts as the customer's.
CREATE TABLE known_browser (
    account_id  uuid    NOT NULL,
    hash        bytea   NOT NULL,
    session     text    NOT NULL,
    since       bigint  NOT NULL,
    last_at     bigint  NOT NULL,
    PRIMARY KEY (account_id, hash)
);

-- Which accounts were reported with a mail address, by keyed hash: for
-- "forgot your user id?".
CREATE TABLE mail_index (
    hash        bytea   NOT NULL,
    account_id  uuid    NOT NULL,
    subject     text    NOT NULL,
    PRIMARY KEY (account_id, hash)
);
CREATE INDEX mail_index_by_hash ON mail_index (hash);
