-- +goose Up
-- What the law's clock runs on: one report for one incident or for several
-- that belong together.
CREATE TABLE breach (
    id          text    NOT NULL PRIMARY KEY,
    aware_at    bigint  NOT NULL,
    due_at      bigint  NOT NULL, -- of the next alarm; 0: none
    state       text    NOT NULL,
    doc         text    NOT NULL
);
CREATE INDEX breach_by_due ON breach (due_at) WHERE due_at > 0;
CREATE INDEX breach_by_awareness ON breach (aware_at);

CREATE TABLE breach_incident (
    account_id  uuid    NOT NULL,
    incident    text    NOT NULL,
    report      text    NOT NULL,
    PRIMARY KEY (account_id, incident)
);
CREATE INDEX breach_incident_by_report ON breach_incident (report);
