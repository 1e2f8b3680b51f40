-- +goose Up
-- What the law's clock runs on: one report for one incident or for several
-- that belong together.
CREATE TABLE breach (
    id          TEXT    NOT NULL PRIMARY KEY,
    aware_at    INTEGER NOT NULL,
    due_at      INTEGER NOT NULL, -- of the next alarm; 0: none
    state       TEXT    NOT NULL,
    doc         TEXT    NOT NULL
);
CREATE INDEX breach_by_due ON breach (due_at) WHERE due_at > 0;
CREATE INDEX breach_by_awareness ON breach (aware_at);

CREATE TABLE breach_incident (
    account_id  BLOB    NOT NULL,
    incident    TEXT    NOT NULL,
    report      TEXT    NOT NULL,
    PRIMARY KEY (account_id, incident)
) WITHOUT ROWID;
CREATE INDEX breach_incident_by_report ON breach_incident (report);
