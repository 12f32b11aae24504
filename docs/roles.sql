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
CREATE ROLE askpro_reader LOGIN PASSWORD :'reader_password';

ALTER DATABASE :"DBNAME" OWNER TO askpro_owner;
GRANT CREATE, USAGE ON SCHEMA public TO askpro_owner;

-- The roles of the wall, by their owner, who may thereby grant them.
SET ROLE askpro_owner;
CREATE ROLE askpro_company NOLOGIN;
CREATE ROLE askpro_every NOLOGIN;
GRANT askpro_company, askpro_every TO askpro;
RESET ROLE;
-- Whoever may call it can choose whose rows it sees: not the reader, nor anybody else.
REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)
    TO askpro_owner, askpro, askpro_company, askpro_every;
