-- The database's users. Run once as testfleet_admin, before the first migration; running it again changes nothing.
-- All log in by IAM: rds_iam rules out any password. identity.yaml says who may log in as whom.
--
--   testfleet_owner     owns the tables; nobody logs in as it
--   testfleet_migrator  testfleet migrate; acts as testfleet_owner
--   testfleet_reporter  the reporter: reads and writes the results
--   testfleet_cli       testfleet enqueue, wait, runs, show: reads all, registers runs
--   testfleet_reader    Grafana: reads all

DO $$
DECLARE
    login text;
BEGIN
    -- The admin becomes a member of testfleet_owner, below. Were that a member of rds_iam, so would be the admin, and
    -- RDS would refuse its password from then on.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'testfleet_owner') THEN
        CREATE ROLE testfleet_owner NOLOGIN;
    END IF;
    FOREACH login IN ARRAY ARRAY['testfleet_migrator', 'testfleet_reporter', 'testfleet_cli', 'testfleet_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', login);
        END IF;
        EXECUTE format('GRANT rds_iam TO %I', login);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), login);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', login);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    -- The reporter brings cases in by COPY into a temporary table.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO testfleet_reporter', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO testfleet_owner;

GRANT testfleet_owner TO testfleet_migrator;
ALTER ROLE testfleet_migrator SET role = 'testfleet_owner';

-- Tables and views to come are there to be read; who else may write, grants.sql says.
GRANT testfleet_owner TO CURRENT_USER;
ALTER DEFAULT PRIVILEGES FOR ROLE testfleet_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO testfleet_reporter, testfleet_cli, testfleet_reader;
