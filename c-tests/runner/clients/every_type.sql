-- A database with every common type, non-ASCII names and text, and objects of most kinds.
CREATE TYPE mood AS ENUM ('traurig', 'glücklich', 'it''s "ok"');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE textrange AS RANGE (subtype = text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0) DEFAULT 1;
CREATE TABLE types (
    c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_numeric numeric, c_numeric2 numeric(20, 5), c_float4 float4,
    c_float8 float8, c_money money, c_text text, c_varchar varchar(20), c_char char(10), c_qchar "char", c_name name,
    c_bytea bytea, c_date date, c_time time, c_timetz timetz, c_timestamp timestamp, c_timestamptz timestamptz,
    c_interval interval, c_uuid uuid, c_json json, c_jsonb jsonb, c_jsonpath jsonpath, c_inet inet, c_cidr cidr,
    c_macaddr macaddr, c_macaddr8 macaddr8, c_bit bit(5), c_varbit varbit, c_point point, c_line line, c_lseg lseg,
    c_box box, c_path path, c_polygon polygon, c_circle circle, c_tsvector tsvector, c_tsquery tsquery, c_lsn pg_lsn,
    c_oid oid, c_xid xid, c_class regclass, c_int4range int4range, c_numrange numrange, c_tstzrange tstzrange,
    c_multi int4multirange, c_textrange textrange, c_enum mood, c_pair pair, c_domain positive, c_ints int[],
    c_texts text[][], c_pairs pair[]
);
INSERT INTO types VALUES
    (true, -32768, -2147483648, -9223372036854775808, 'NaN', 123456789012345.67891, '-Infinity', 1e-300, '-12.34',
    'naïve — 日本語 😀', 'x', 'pad', 'q', 'a_name', '\x00ff5c27', '0044-03-15 BC', '23:59:59.999999', '12:00+05:30',
    'infinity', '2024-02-29 12:34:56.789+00', '1 year -2 mons 3 days -04:05:06.7', gen_random_uuid(),
    '{"a" : [1,  2]}', '{"b": "ü\u0041", "a": null}', '$.a[*] ? (@ > 1)', '192.168.0.1/24', '10.0.0.0/8',
    '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '10101', '1', '(1.5,-2)', '{1,2,3}', '[(0,0),(1,1)]',
    '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>', 'a:1 fat:2B,4C ''cat''''s''',
    'fat & (rat | !cat:B)', '16/B374D848', 4294967295, '42', 'pg_class', '[1,10)', '(,5.5]', '[2024-01-01,)',
    '{[1,3), [7,9)}', '[a,"b,c")', 'glücklich', '(1,"a ""b"" \\ c")', 5, '{1,NULL,3}', '[0:1][2:3]={{a,"b,c"},{"NULL",NULL}}',
    '{"(1,x)","(,)"}'),
    (false, 32767, 2147483647, 9223372036854775807, 1e100, -0.00001, 'NaN', '-0', '92233720368547758.07',
    E'tab\tnewline\ncr\rbackslash\\dot\\.\b\f\v', '', '', '', '', '', 'infinity', '00:00', '24:00-12', '-infinity',
    '294276-12-31 23:59:59.999999+00', '-178000000 years', '00000000-0000-0000-0000-000000000000', 'null', '[]', '$',
    '::1', '2001:db8::/32', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', '00000', '', '(0,0)', '{0,-1,0}',
    '[(1e10,-1e-10),(0,0)]', '(0,0),(0,0)', '((0,0),(1,1))', '((0,0))', '<(1,1),0>', '', 'a', '0/0', 0, '0', 'types',
    'empty', '(,)', 'empty', '{}', '(,)', 'it''s "ok"', '(,)', 1, '{}', '{}', '{}');
INSERT INTO types (c_text) VALUES (NULL), ('\.'), ('\N'), (repeat('größer ', 400000));
UPDATE types SET c_uuid = '11111111-2222-3333-4444-555555555555' WHERE c_bool;

CREATE TABLE "Tabelle mit ""Ümläuten""" (
    "größe" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "名前" text COLLATE "C" NOT NULL DEFAULT 'ohne',
    doubled int GENERATED ALWAYS AS (length("名前") * 2) STORED
);
INSERT INTO "Tabelle mit ""Ümläuten""" ("名前") VALUES ('日本'), ('ñandú'), (DEFAULT);
COMMENT ON TABLE "Tabelle mit ""Ümläuten""" IS E'Kommentar: äöü ''quoted'' \\ und\nzwei Zeilen';
COMMENT ON COLUMN types.c_bool IS 'wahr oder falsch';
CREATE INDEX "índice" ON "Tabelle mit ""Ümläuten""" (lower("名前")) WHERE doubled > 2;

CREATE TABLE parted (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT i, md5(i::text) FROM generate_series(1, 3000) i;
CREATE TABLE child (extra int REFERENCES "Tabelle mit ""Ümläuten""" ON DELETE CASCADE) INHERITS (types);
INSERT INTO child (c_int4, extra) VALUES (7, 1);
CREATE VIEW v AS SELECT k, v FROM parted WHERE k % 100 = 0;
CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM parted;
CREATE SEQUENCE seq START 100 INCREMENT -5 MAXVALUE 1000;
SELECT nextval('seq');
CREATE SCHEMA other;
CREATE FUNCTION other.f(x int, OUT y text) LANGUAGE plpgsql AS $body$ BEGIN y := 'wert: ' || x || $q$ ä $q$; END $body$;
CREATE AGGREGATE other.total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touching BEFORE INSERT ON parted FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE ignore AS ON DELETE TO v DO INSTEAD NOTHING;
CREATE POLICY mine ON types USING (c_bool);
CREATE STATISTICS stats ON k, v FROM parted;
CREATE PUBLICATION pub FOR TABLE parted;
CREATE TEXT SEARCH CONFIGURATION conf (COPY = german);
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER remote FOREIGN DATA WRAPPER wrapper OPTIONS (host 'ünicode');
GRANT SELECT ON types TO other_user;
GRANT UPDATE (c_text) ON types TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT EXECUTE ON FUNCTIONS TO other_user;

SELECT lo_from_bytea(700001, decode(repeat('00ff5c', 200000), 'hex'));
SELECT lo_from_bytea(700002, '');
SELECT lo_from_bytea(700003, 'ein großes Objekt'::text::bytea);
COMMENT ON LARGE OBJECT 700001 IS 'Großes Objekt';
GRANT SELECT ON LARGE OBJECT 700003 TO other_user;
