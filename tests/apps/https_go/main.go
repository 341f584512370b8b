// SPDX-License-Identifier: Apache-2.0

// HTTPS with crypto/tls and net/http; only the standard library, and what Go 1.17 knows.
//
//	https_go server [OPTIONS]             on 127.0.0.1; prints its port. Ends on SIGTERM
//	https_go client [OPTIONS] BASE-URL    prints ready, and does its requests after a line of standard input
//	https_go tunnel [OPTIONS]             a server and a client of HTTPS inside of TLS, in one process; ready as the client
//
// TLS_CERTS: directory of ca.pem, server.pem and .key, client.pem and .key. Both ends say what they did, a line of JSON per
// request: the client on standard output, the server to the file TRUTH. The answer to /status/N is N, to /big/N N bytes; what
// was sent is read, and what was answered has a length or, for /chunk, none.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	version  = flag.String("tls", "", "1.2 or 1.3 only")
	mtls     = flag.Bool("mtls", false, "clients have certificates, and servers ask for them")
	h1       = flag.Bool("h1", false, "no HTTP/2")
	requests = flag.Int("n", 100, "requests of the client")
	conns    = flag.Int("c", 1, "connections")
	streams  = flag.Int("m", 1, "requests at a time on each; h2 only")
	once     = flag.Bool("once", false, "a connection for each request of the client")
	late     = flag.Bool("late", false, "the client is ready when its connections have served one request each, of path /early")
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func config(server bool) *tls.Config {
	dir := os.Getenv("TLS_CERTS") + "/"
	c := &tls.Config{}
	pem, err := os.ReadFile(dir + "ca.pem")
	check(err)
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(pem)
	name := "client"
	if server {
		name = "server"
		c.ClientCAs = ca
		if *mtls {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
	} else {
		c.RootCAs = ca
	}
	if server || *mtls {
		pair, err := tls.LoadX509KeyPair(dir+name+".pem", dir+name+".key")
		check(err)
		c.Certificates = []tls.Certificate{pair}
	}
	switch *version {
	case "1.2":
		c.MaxVersion = tls.VersionTLS12
	case "1.3":
		c.MinVersion = tls.VersionTLS13
	}
	return c
}

var truth struct {
	sync.Mutex
	to io.Writer
}

func say(line map[string]interface{}) {
	b, err := json.Marshal(line)
	check(err)
	truth.Lock()
	defer truth.Unlock()
	fmt.Fprintf(truth.to, "%s\n", b)
}

func protocol(major, minor int) string {
	if major == 2 {
		return "2"
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

type address struct {
	host string
	port int
}

func addressOf(hostport string) address {
	host, port, err := net.SplitHostPort(hostport)
	check(err)
	n, err := strconv.Atoi(port)
	check(err)
	return address{host, n}
}

func answer(w http.ResponseWriter, r *http.Request) {
	got, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		log.Print(err)
	}
	path := r.URL.Path
	status, body := 200, []byte("hello "+path+"\n")
	if strings.HasPrefix(path, "/status/") {
		status, _ = strconv.Atoi(path[8:])
	} else if strings.HasPrefix(path, "/big/") {
		n, _ := strconv.Atoi(path[5:])
		body = bytes.Repeat([]byte("x"), n)
	}
	if status == 204 {
		body = nil
	}
	if !strings.HasPrefix(path, "/chunk") {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	peer, own := addressOf(r.RemoteAddr), addressOf(r.Host)
	// before the answer: the client may end us when it has that
	say(map[string]interface{}{
		"method": r.Method, "path": path, "status": status, "url.scheme": "https", "req_body": got,
		"network.protocol.version": protocol(r.ProtoMajor, r.ProtoMinor), "network.peer.address": peer.host,
		"network.peer.port": peer.port, "server.address": own.host, "server.port": own.port,
		"tls": r.TLS.Version - tls.VersionTLS12 + 2,
	})
	w.WriteHeader(status)
	if r.Method == "HEAD" || len(body) == 0 {
		return
	}
	half := len(body) / 2
	_, _ = w.Write(body[:half])
	if f, ok := w.(http.Flusher); ok && strings.HasPrefix(path, "/chunk") {
		f.Flush()
	}
	_, _ = w.Write(body[half:])
}

func serve(l net.Listener) *http.Server {
	s := &http.Server{Handler: http.HandlerFunc(answer), TLSConfig: config(true), ErrorLog: log.New(io.Discard, "", 0)}
	if *h1 {
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	go func() {
		if err := s.ServeTLS(l, "", ""); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	return s
}

func server() {
	to, err := os.OpenFile(os.Getenv("TRUTH"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	check(err)
	truth.to = to
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := serve(l)
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	check(s.Close())
}

// The i-th request: mostly small, some with bodies, some that go wrong.
func request(base string, i int) *http.Request {
	method, path, body := "GET", fmt.Sprintf("/a/%d", i), io.Reader(nil)
	switch i % 10 {
	case 2:
		path = fmt.Sprintf("/status/%d", []int{404, 500, 204, 403}[i/10%4])
	case 4:
		method, path, body = "POST", fmt.Sprintf("/post/%d", i), bytes.NewReader(make([]byte, i*37%40000))
	case 6:
		path = fmt.Sprintf("/big/%d", i*101%100000)
	case 7:
		path = fmt.Sprintf("/chunk/%d", i)
	case 8:
		method = "HEAD"
	}
	r, err := http.NewRequest(method, base+path, body)
	check(err)
	return r
}

func do(c *http.Client, r *http.Request, to address) {
	resp, err := c.Do(r)
	check(err)
	_, err = io.Copy(io.Discard, resp.Body)
	check(err)
	check(resp.Body.Close())
	say(map[string]interface{}{
		"method": r.Method, "path": r.URL.Path, "status": resp.StatusCode, "url.scheme": "https", "url.full": r.URL.String(),
		"network.protocol.version": protocol(resp.ProtoMajor, resp.ProtoMinor), "network.peer.address": to.host,
		"network.peer.port": to.port, "server.address": to.host, "server.port": to.port,
		"tls": resp.TLS.Version - tls.VersionTLS12 + 2,
	})
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func httpClient(dial dialer) *http.Client {
	t := &http.Transport{TLSClientConfig: config(false), DialContext: dial, ForceAttemptHTTP2: !*h1, DisableCompression: true,
		MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableKeepAlives: *once}
	if *h1 {
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{Transport: t, Timeout: 60 * time.Second}
}

func wait() {
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

func client(base string, dial dialer) {
	var wg sync.WaitGroup
	var next int64
	to := addressOf(strings.TrimPrefix(base, "https://"))
	clients := make([]*http.Client, *conns)
	for i := range clients {
		clients[i] = httpClient(dial)
		if *late {
			r, err := clients[i].Get(base + "/early")
			check(err)
			_, _ = io.Copy(io.Discard, r.Body)
			check(r.Body.Close())
		}
	}
	wait()
	for _, c := range clients {
		for i := 0; i < *streams; i++ {
			wg.Add(1)
			go func(c *http.Client) {
				defer wg.Done()
				for {
					i := int(atomic.AddInt64(&next, 1))
					if i > *requests {
						return
					}
					do(c, request(base, i), to)
				}
			}(c)
		}
	}
	wg.Wait()
	for _, c := range clients {
		c.CloseIdleConnections()
	}
}

// A listener of connections that come out of others.
type inner struct {
	net.Listener
	config *tls.Config
}

func (l inner) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(c, l.config), nil
}

func tunnel() {
	truth.to = io.Discard
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	outer := config(true)
	serve(inner{l, outer})
	truth.to = os.Stdout
	plain := config(false)
	plain.ServerName = "127.0.0.1"
	client("https://"+l.Addr().String(), func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return tls.Client(c, plain), nil
	})
}

func main() {
	log.SetFlags(0)
	mode := os.Args[1]
	check(flag.CommandLine.Parse(os.Args[2:]))
	switch mode {
	case "server":
		server()
	case "client":
		truth.to = os.Stdout
		client(flag.Arg(0), nil)
	case "tunnel":
		tunnel()
	}
}
