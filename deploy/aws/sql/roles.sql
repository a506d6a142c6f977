-- The database's users. Run this file as testfleet_admin before the first migration. A second run changes nothing.
-- All users log in by IAM: RDS refuses the password of any member of rds_iam. The policies in identity.yaml allow each
-- login.
--
--   testfleet_owner     owns the tables; it cannot log in
--   testfleet_migrator  testfleet migrate; acts as testfleet_owner
--   testfleet_reporter  the reporter: reads and writes the results
--   testfleet_cli       testfleet enqueue, wait, runs, show, cancel: reads all, registers and cancels runs
--   testfleet_reader    Grafana: reads all

DO $$
DECLARE
    login text;
BEGIN
    -- From PostgreSQL 16 on, CREATE ROLE makes the creator a member of the new role, and the creator cannot revoke that.
    -- Through the users below it becomes a member of rds_iam: RDS would refuse its password from then on.
    IF current_setting('server_version_num')::integer >= 160000
       AND NOT pg_has_role(current_user, 'rds_iam', 'MEMBER') THEN
        RAISE EXCEPTION '% is not a member of rds_iam: it would lose its login by password', current_user
            USING HINT = 'Let it log in by IAM first: MasterUserAuthenticationType: iam-db-auth of database.yaml, or '
                'GRANT rds_iam TO ' || quote_ident(current_user) || ' where a policy allows its login.';
    END IF;
    -- The admin becomes a member of testfleet_owner, below. That role gets no rds_iam, for the same reason on
    -- PostgreSQL 15.
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
    -- The reporter copies cases into a temporary table.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO testfleet_reporter', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO testfleet_owner;

GRANT testfleet_owner TO testfleet_migrator;
ALTER ROLE testfleet_migrator SET role = 'testfleet_owner';

-- All users read future tables and views. grants.sql gives the right to write.
GRANT testfleet_owner TO CURRENT_USER;
ALTER DEFAULT PRIVILEGES FOR ROLE testfleet_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO testfleet_reporter, testfleet_cli, testfleet_reader;
