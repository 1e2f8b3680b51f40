-- +goose Up
-- A new second step proves nothing until an older one has vouched for it. Those
-- that were there before count as they did.
ALTER TABLE factor ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;
UPDATE factor SET confirmed_at = usable_at;

-- Wrong tries are counted by lane: a browser that is known as the customer's
-- has its own, so that a stranger's wrong tries do not lock her out.
CREATE TABLE factor_lane (
    account_id  BLOB    NOT NULL,
    lane        TEXT    NOT NULL,
    failures    INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (account_id, lane)
) WITHOUT ROWID;
INSERT INTO factor_lane SELECT account_id, '', failures, until FROM factor_throttle;
DROP TABLE factor_throttle;

ALTER TABLE mailed_code ADD COLUMN lane TEXT NOT NULL DEFAULT '';

-- A passkey ceremony under way: its challenge is used once (WebAuthn L3 §13.4.3).
CREATE TABLE ceremony (
    account_id  BLOB    NOT NULL,
    ref         TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    doc         BLOB    NOT NULL,
    PRIMARY KEY (account_id, ref)
) WITHOUT ROWID;

-- Browsers that entered the centre from a device that counts as the customer's.
CREATE TABLE known_browser (
    account_id  BLOB    NOT NULL,
    hash        BLOB    NOT NULL,
    session     TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, hash)
) WITHOUT ROWID;

-- Which accounts were reported with a mail address, by keyed hash: for
-- "forgot your user id?".
CREATE TABLE mail_index (
    hash        BLOB    NOT NULL,
    account_id  BLOB    NOT NULL,
    subject     TEXT    NOT NULL,
    PRIMARY KEY (hash, account_id)
) WITHOUT ROWID;
