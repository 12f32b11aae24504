-- The three logins, made once by a superuser in the database that AskPro gets:
--   psql --dbname askpro --file docs/roles.sql
-- Their passwords come from the environment; they are the ones in DATABASE_OWNER_URL,
-- DATABASE_URL and DATABASE_READER_URL. Without one this stops at its line.
-- Everything else is made by `manage.py migrate`.
\set ON_ERROR_STOP on
\getenv owner_password ASKPRO_OWNER_PASSWORD
\getenv password ASKPRO_PASSWORD
\getenv reader_password ASKPRO_READER_PASSWORD

CREATE ROLE askpro_owner LOGIN CREATEROLE PASSWORD :'owner_password';
-- NOINHERIT before any grant: outside a scope the application sees nothing.
CREATE ROLE askpro LOGIN NOINHERIT PASSWORD :'password';
CREATE ROLE askpro_reader LOGIN CONNECTION LIMIT 20 PASSWORD :'reader_password';
-- A second net below what the reader's connection asks for itself. Only a superuser can
-- bound temporary files, and keep what a query said out of the server's log.
ALTER ROLE askpro_reader SET default_transaction_read_only = on;
ALTER ROLE askpro_reader SET statement_timeout = '2s';
ALTER ROLE askpro_reader SET temp_file_limit = '64MB';
ALTER ROLE askpro_reader SET log_min_messages = panic;
ALTER ROLE askpro_reader SET log_min_error_statement = panic;

ALTER DATABASE :"DBNAME" OWNER TO askpro_owner;
GRANT CREATE, USAGE ON SCHEMA public TO askpro_owner;

-- The roles of the wall, by their owner, who may thereby grant them.
SET ROLE askpro_owner;
CREATE ROLE askpro_company NOLOGIN;
CREATE ROLE askpro_every NOLOGIN;
GRANT askpro_company, askpro_every TO askpro;
RESET ROLE;

-- Functions for nobody but these roles. Whoever may run `set_config` can choose whose
-- rows it sees; the others write, wait, hold locks or reach the sessions of others.
DO $do$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND proname ~ '^(set_config|pg_sleep.*|pg_(try_)?advisory_.*|lo_(?!import|export).*|loread|lowrite|pg_(cancel|terminate)_backend|pg_notify|pg_stat_get_activity|pg_stat_get_backend_activity|pg_export_snapshot|pg_logical_emit_message)$'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor, askpro_owner,'
            ' askpro, askpro_company, askpro_every', one);
    END LOOP;
END
$do$;
