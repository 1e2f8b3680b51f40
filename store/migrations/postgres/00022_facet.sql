-- +goose Up
-- How many rows of the queue there are of each facet (queue/facet.go), in all
-- (campaign '') and of each campaign, and where they stand: a list that nothing
-- passes is known to be empty without looking at the rows.
ALTER TABLE queue ADD COLUMN facet bigint  NOT NULL DEFAULT -1;
CREATE INDEX queue_by_facet ON queue (facet, opened_at, incident, account_id);

CREATE TABLE queue_facet (
    campaign  text    NOT NULL,
    facet     bigint  NOT NULL,
    n         bigint  NOT NULL,
    PRIMARY KEY (campaign, facet)
);

CREATE TABLE queue_campaign (
    account_id  uuid    NOT NULL,
    incident    text    NOT NULL,
    campaign    text    NOT NULL,
    facet       bigint  NOT NULL,
    opened_at   bigint  NOT NULL,
    PRIMARY KEY (account_id, incident, campaign)
);
CREATE INDEX queue_of_campaign ON queue_campaign (campaign, facet, opened_at, incident, account_id);

-- Rows from before are written anew at the next look.
UPDATE queue_due SET n = n + 1 WHERE EXISTS (SELECT 1 FROM queue WHERE queue.account_id = queue_due.account_id AND queue.incident = queue_due.incident);
