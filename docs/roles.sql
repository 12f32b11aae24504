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
