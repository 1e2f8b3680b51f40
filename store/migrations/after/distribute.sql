-- Run after the migrations, at every start: in a database with the extension
-- citus, each table whose primary key begins with the account is spread over
-- the cluster by it, beside the accounts themselves. Elsewhere it does nothing.
DO $$
DECLARE name regclass;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(77696);
    FOR name IN
        SELECT c.oid::regclass
        FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'account_id'
          AND NOT EXISTS (SELECT 1 FROM pg_dist_partition d WHERE d.logicalrelid = c.oid)
        ORDER BY c.relname <> 'account', c.relname
    LOOP
        IF name = 'account'::regclass THEN
            PERFORM create_distributed_table(name, 'account_id', colocate_with => 'none');
        ELSE
            PERFORM create_distributed_table(name, 'account_id', colocate_with => 'account');
        END IF;
    END LOOP;
END $$;
