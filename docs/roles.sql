-- The three logins, made once by a superuser in the database that AskPro gets.
-- Replace the passwords; they are the ones in DATABASE_OWNER_URL, DATABASE_URL and
-- DATABASE_READER_URL. Everything else is made by `manage.py migrate`.

CREATE ROLE askpro_owner LOGIN CREATEROLE PASSWORD 'change me';
-- NOINHERIT before any grant: outside a scope the application sees nothing.
CREATE ROLE askpro LOGIN NOINHERIT PASSWORD 'change me';
CREATE ROLE askpro_reader LOGIN PASSWORD 'change me';

ALTER DATABASE askpro OWNER TO askpro_owner;
GRANT CREATE, USAGE ON SCHEMA public TO askpro_owner;
