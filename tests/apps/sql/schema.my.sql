-- SPDX-License-Identifier: Apache-2.0
CREATE USER app@'127.0.0.1';
CREATE USER app@'localhost';
GRANT ALL ON *.* TO app@'127.0.0.1';
GRANT ALL ON *.* TO app@'localhost';
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop
CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(200) NOT NULL, email VARCHAR(200), CONSTRAINT customers_email UNIQUE (email));
CREATE TABLE orders (
	id INT AUTO_INCREMENT PRIMARY KEY,
	customer_id INT,
	total DECIMAL(12, 2) NOT NULL,
	note VARCHAR(8000),
	CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
-- never written to: what a large SELECT reads
CREATE TABLE items (id INT PRIMARY KEY, label VARCHAR(200) NOT NULL);
CREATE TABLE digits (d INT);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO items SELECT n, CONCAT('CANARY-7391-xyz label ', n) FROM (
	SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
	FROM digits a, digits b, digits c, digits e, digits f
) x;
INSERT INTO customers SELECT id, CONCAT('customer ', id), CONCAT('c', id, '@shop') FROM items WHERE id <= 100;
INSERT INTO orders (customer_id, total, note) SELECT id, id * 1.5, CONCAT('note ', id) FROM items WHERE id <= 100 ORDER BY id;
DELIMITER //
CREATE PROCEDURE two_sets(IN n INT)
BEGIN
	SELECT id, name FROM customers WHERE id <= n;
	SELECT id, total FROM orders WHERE id <= n + 1;
END //
CREATE PROCEDURE raise_total(IN who INT, IN more DECIMAL(12, 2))
BEGIN
	UPDATE orders SET total = total + more WHERE customer_id = who;
END //
DELIMITER ;
