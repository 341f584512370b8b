-- SPDX-License-Identifier: Apache-2.0
DELETE FROM orders;
DELETE FROM customers WHERE id > 100;
UPDATE customers SET name = CONCAT('customer ', id), email = CONCAT('c', id, '@shop');
INSERT INTO orders (id, customer_id, total, note) SELECT id, id, id * 1.5, CONCAT('note ', id) FROM customers;
