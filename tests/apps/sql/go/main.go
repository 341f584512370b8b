// SPDX-License-Identifier: Apache-2.0

// Go: sql pgx|pgx_simple|pq|go_mysql HOST|SOCKET PORT USER PASSWORD DB STEPS; see ../client.py. lib/pq and go-sql-driver by
// database/sql, pgx by its own interface (pgx_simple: with the simple protocol).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

type step struct {
	Op, SQL string
	Rows    bool
	T       map[string]any
	Sets    [][]any
	Fetch   int
	Data    string
}

type client interface {
	// query: how many rows, -1 where it gives none
	query(ctx context.Context, sql string, args ...any) (int, error)
	prepared(s step) error
	batch(s step) error
	cancel(s step) error
	large(s step) error
	other(s step) error
	code(err error) string
	close()
}

var bg = context.Background()

func say(s step, rows int, code string) {
	t := maps.Clone(s.T)
	if code != "" {
		t["db.response.status_code"] = code
	} else if rows >= 0 && s.Rows {
		t["db.response.returned_rows"] = rows
	}
	line, _ := json.Marshal(t)
	fmt.Println(string(line))
}

// result: an error that is not of the database is one of this program
func result(c client, s step, rows int, err error) error {
	code := ""
	if err != nil {
		if code = c.code(err); code == "" {
			return err
		}
	}
	say(s, rows, code)
	return nil
}

// ---- pgx

type pgxClient struct {
	conn   *pgx.Conn
	simple bool
	names  int
}

func newPgx(where, port, user, password, db string, simple bool) (client, error) {
	if strings.HasPrefix(where, "/") {
		where = filepath.Dir(where)
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s password='%s' dbname=%s", where, port, user, password, db))
	if err != nil {
		return nil, err
	}
	if simple {
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	}
	conn, err := pgx.ConnectConfig(bg, config)
	return &pgxClient{conn: conn, simple: simple}, err
}

func (c *pgxClient) code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func (c *pgxClient) query(ctx context.Context, text string, args ...any) (int, error) {
	rows, err := c.conn.Query(ctx, text, args...)
	if err != nil {
		return -1, err
	}
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

func (c *pgxClient) prepared(s step) error {
	text := s.SQL
	if !c.simple {
		c.names++
		text = fmt.Sprintf("s%d", c.names)
		if _, err := c.conn.Prepare(bg, text, s.SQL); err != nil {
			return err
		}
	}
	for _, set := range s.Sets {
		n, err := c.query(bg, text, set...)
		if err := result(c, s, n, err); err != nil {
			return err
		}
	}
	return nil
}

func (c *pgxClient) batch(s step) error {
	if c.simple {
		// a batch would be one text of all of them
		return c.prepared(s)
	}
	var b pgx.Batch
	for _, set := range s.Sets {
		b.Queue(s.SQL, set...)
	}
	results := c.conn.SendBatch(bg, &b)
	for range s.Sets {
		_, err := results.Exec()
		if err := result(c, s, -1, err); err != nil {
			return err
		}
	}
	return results.Close()
}

func (c *pgxClient) cancel(s step) error {
	time.AfterFunc(300*time.Millisecond, func() {
		if err := c.conn.PgConn().CancelRequest(bg); err != nil {
			log.Print(err)
		}
	})
	n, err := c.query(bg, s.SQL)
	return result(c, s, n, err)
}

func (c *pgxClient) large(s step) error {
	n, err := c.query(bg, s.SQL)
	return result(c, s, n, err)
}

func (c *pgxClient) other(s step) error {
	var err error
	switch s.Op {
	case "copy_in":
		_, err = c.conn.PgConn().CopyFrom(bg, strings.NewReader(s.Data), s.SQL)
	case "copy_out":
		_, err = c.conn.PgConn().CopyTo(bg, io.Discard, s.SQL)
	case "multi":
		_, err = c.conn.PgConn().Exec(bg, s.SQL).ReadAll()
	}
	return result(c, s, -1, err)
}

func (c *pgxClient) close() { c.conn.Close(bg) }

// ---- database/sql

type sqlClient struct {
	db   *sql.DB
	conn *sql.Conn
	pg   bool
}

func newSQL(driver, where, port, user, password, db string) (client, error) {
	var name, source string
	if driver == "pq" {
		if strings.HasPrefix(where, "/") {
			where = filepath.Dir(where)
		}
		name = "postgres"
		source = fmt.Sprintf("host=%s port=%s user=%s password='%s' dbname=%s", where, port, user, password, db)
		if ca := os.Getenv("SQL_TLS"); ca != "" {
			source += " sslmode=verify-full sslrootcert=" + ca
		} else {
			source += " sslmode=disable"
		}
	} else {
		config := mysql.NewConfig()
		config.User, config.Passwd, config.DBName = user, password, db
		config.Net, config.Addr = "tcp", where+":"+port
		if strings.HasPrefix(where, "/") {
			config.Net, config.Addr = "unix", where
		}
		config.MultiStatements, config.AllowAllFiles = true, true
		if ca := os.Getenv("SQL_TLS"); ca != "" {
			pem, err := os.ReadFile(ca)
			if err != nil {
				return nil, err
			}
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(pem)
			config.TLSConfig = "ca"
			if err := mysql.RegisterTLSConfig("ca", &tls.Config{RootCAs: roots, ServerName: where}); err != nil {
				return nil, err
			}
		}
		if os.Getenv("SQL_COMPRESS") != "" {
			if err := config.Apply(mysql.EnableCompression(true)); err != nil {
				return nil, err
			}
		}
		name, source = "mysql", config.FormatDSN()
	}
	pool, err := sql.Open(name, source)
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(bg)
	return &sqlClient{db: pool, conn: conn, pg: driver == "pq"}, err
}

func (c *sqlClient) code(err error) string {
	var p *pq.Error
	var m *mysql.MySQLError
	if errors.As(err, &p) {
		return string(p.Code)
	}
	if errors.As(err, &m) {
		return strconv.Itoa(int(m.Number))
	}
	return ""
}

func count(rows *sql.Rows, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	defer rows.Close()
	n := 0
	for {
		for rows.Next() {
			n++
		}
		if !rows.NextResultSet() {
			return n, rows.Err()
		}
	}
}

func (c *sqlClient) query(ctx context.Context, text string, args ...any) (int, error) {
	return count(c.conn.QueryContext(ctx, text, args...))
}

func (c *sqlClient) prepared(s step) error {
	p, err := c.conn.PrepareContext(bg, s.SQL)
	if err != nil {
		return err
	}
	defer p.Close()
	for _, set := range s.Sets {
		n, err := count(p.Query(set...))
		if err := result(c, s, n, err); err != nil {
			return err
		}
	}
	return nil
}

// it has no batches: unnamed statements (MySQL: prepared, executed and closed) one after the other
func (c *sqlClient) batch(s step) error {
	for _, set := range s.Sets {
		_, err := c.conn.ExecContext(bg, s.SQL, set...)
		if err := result(c, s, -1, err); err != nil {
			return err
		}
	}
	return nil
}

func (c *sqlClient) cancel(s step) error {
	if c.pg {
		// the driver cancels when the context ends, and tells what the server said
		ctx, done := context.WithTimeout(bg, 300*time.Millisecond)
		defer done()
		n, err := c.query(ctx, s.SQL)
		if err != nil && c.code(err) == "" && ctx.Err() != nil {
			say(s, -1, "57014")
			return c.again()
		}
		if err := result(c, s, n, err); err != nil {
			return err
		}
		return c.again()
	}
	var id int
	if err := c.conn.QueryRowContext(bg, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return err
	}
	time.AfterFunc(300*time.Millisecond, func() {
		if _, err := c.db.ExecContext(bg, fmt.Sprint("KILL QUERY ", id)); err != nil {
			log.Print(err)
		}
	})
	n, err := c.query(bg, s.SQL)
	return result(c, s, n, err)
}

// again: lib/pq throws a connection away on which something was cancelled
func (c *sqlClient) again() error {
	c.conn.Close()
	var err error
	c.conn, err = c.db.Conn(bg)
	return err
}

func (c *sqlClient) large(s step) error {
	n, err := c.query(bg, s.SQL)
	return result(c, s, n, err)
}

func (c *sqlClient) copyIn(s step) error {
	tx, err := c.conn.BeginTx(bg, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	p, err := tx.Prepare(s.SQL)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(s.Data, "\n"), "\n") {
		var fields []any
		for _, f := range strings.Split(line, "\t") {
			fields = append(fields, f)
		}
		if _, err := p.Exec(fields...); err != nil {
			return err
		}
	}
	_, err = p.Exec()
	if err := result(c, s, -1, err); err != nil {
		return err
	}
	return tx.Commit()
}

func (c *sqlClient) other(s step) error {
	switch s.Op {
	case "copy_in":
		if strings.Contains(s.SQL, "csv") {
			// text is all it can
			return nil
		}
		return c.copyIn(s)
	case "copy_out":
		return nil
	case "load":
		f, err := os.CreateTemp("", "sql")
		if err != nil {
			return err
		}
		defer os.Remove(f.Name())
		f.WriteString(s.Data)
		f.Close()
		s.SQL = strings.ReplaceAll(s.SQL, "{file}", f.Name())
		_, err = c.conn.ExecContext(bg, s.SQL)
		return result(c, s, -1, err)
	}
	n, err := c.query(bg, s.SQL)
	return result(c, s, n, err)
}

func (c *sqlClient) close() {
	c.conn.Close()
	c.db.Close()
}

func run(args []string) error {
	driver, where, port, user, password, db := args[0], args[1], args[2], args[3], args[4], args[5]
	var c client
	var err error
	if strings.HasPrefix(driver, "pgx") {
		c, err = newPgx(where, port, user, password, db, driver == "pgx_simple")
	} else {
		c, err = newSQL(driver, where, port, user, password, db)
	}
	if err != nil {
		return err
	}
	defer c.close()
	f, err := os.Open(args[6])
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return err
		}
		for _, set := range s.Sets {
			for i, v := range set {
				if x, ok := v.(float64); ok {
					set[i] = int64(x)
				}
			}
		}
		switch s.Op {
		case "exec":
			var n int
			n, err = c.query(bg, s.SQL)
			err = result(c, s, n, err)
		case "prepared":
			err = c.prepared(s)
		case "batch":
			err = c.batch(s)
		case "cancel":
			err = c.cancel(s)
		case "large":
			err = c.large(s)
		default:
			err = c.other(s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.SQL, err)
		}
	}
	return lines.Err()
}

func main() {
	if len(os.Args) != 8 {
		log.Fatal("usage: sql DRIVER HOST|SOCKET PORT USER PASSWORD DB STEPS")
	}
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
