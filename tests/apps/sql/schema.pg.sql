-- SPDX-License-Identifier: Apache-2.0
CREATE ROLE app LOGIN SUPERUSER;
CREATE ROLE scram LOGIN SUPERUSER PASSWORD 'secret';
CREATE DATABASE shop OWNER app;
\c shop app
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text CONSTRAINT customers_email UNIQUE);
CREATE TABLE orders (
	id serial PRIMARY KEY,
	customer_id int CONSTRAINT orders_customer REFERENCES customers DEFERRABLE INITIALLY DEFERRED,
	total numeric(12, 2) NOT NULL,
	note text
);
-- never written to: what a large SELECT reads
CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL);
INSERT INTO customers SELECT g, 'customer ' || g, 'c' || g || '@shop' FROM generate_series(1, 100) g;
INSERT INTO orders (customer_id, total, note) SELECT g, g * 1.5, 'note ' || g FROM generate_series(1, 100) g;
INSERT INTO items SELECT g, 'CANARY-7391-xyz label ' || g FROM generate_series(1, 100000) g;
CREATE PROCEDURE raise_total(who int, more numeric) LANGUAGE sql AS $$
	UPDATE orders SET total = total + more WHERE customer_id = who;
$$;
CREATE FUNCTION total_of(who int) RETURNS numeric LANGUAGE sql AS $$ SELECT sum(total) FROM orders WHERE customer_id = who $$;
ANALYZE;
