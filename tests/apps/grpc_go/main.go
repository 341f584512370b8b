// SPDX-License-Identifier: Apache-2.0

// gRPC with grpc-go; messages are bytes, no generated code.
//
//	grpc_go server               prints its port
//	grpc_go client PORT load N   N calls of mixed codes from 8 goroutines on one connection; prints a line per code: CODE COUNT
//	grpc_go client PORT calls N  N calls of each kind, one JSON object each
//	grpc_go client PORT steady S one call after the other, for S seconds; prints their number
//
// TLS_CERTS (or GRPC_TLS, as the programs in other languages call it): directory of ca.pem, server.pem and .key, client.pem and .key:
// all that over TLS. TLS_OPT, a list with commas: tls12 (no newer), mtls (clients need a certificate), stdin (the client says ready, and
// begins after a line there).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

const service = "oe.test.Echo"

type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *(v.(*[]byte)), nil }
func (raw) Unmarshal(d []byte, v any) error {
	*(v.(*[]byte)) = append([]byte{}, d...)
	return nil
}
func (raw) Name() string { return "proto" }

// The first byte of a request is the code to answer with, the second a delay in units of 10 ms.
func unary(_ any, _ context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var b []byte
	if err := dec(&b); err != nil {
		return nil, err
	}
	if len(b) > 1 && b[1] > 0 {
		time.Sleep(time.Duration(b[1]) * 10 * time.Millisecond)
	}
	if b[0] != 0 {
		return nil, status.Error(codes.Code(b[0]), "as asked")
	}
	return &b, nil
}

func both(_ any, s grpc.ServerStream) error {
	for {
		var b []byte
		err := s.RecvMsg(&b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for range 2 {
			if err := s.SendMsg(&b); err != nil {
				return err
			}
		}
	}
}

func option(name string) bool {
	return strings.Contains(","+os.Getenv("TLS_OPT")+",", ","+name+",")
}

func creds(server bool) credentials.TransportCredentials {
	dir, name := os.Getenv("TLS_CERTS"), "client"
	if dir == "" {
		dir = os.Getenv("GRPC_TLS")
	}
	if dir == "" {
		return insecure.NewCredentials()
	}
	if server {
		name = "server"
	}
	pair, err := tls.LoadX509KeyPair(dir+"/"+name+".pem", dir+"/"+name+".key")
	if err != nil {
		panic(err)
	}
	pem, err := os.ReadFile(dir + "/ca.pem")
	if err != nil {
		panic(err)
	}
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(pem)
	c := &tls.Config{RootCAs: ca, ClientCAs: ca}
	if server || option("mtls") {
		c.Certificates = []tls.Certificate{pair}
	}
	if option("mtls") {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if option("tls12") {
		c.MaxVersion = tls.VersionTLS12
	}
	return credentials.NewTLS(c)
}

func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := grpc.NewServer(grpc.Creds(creds(true)))
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
		Streams: []grpc.StreamDesc{{StreamName: "Both", Handler: both, ServerStreams: true, ClientStreams: true}},
	}, nil)
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	if err := s.Serve(l); err != nil {
		panic(err)
	}
}

var names = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

func call(cc *grpc.ClientConn, ctx context.Context, b []byte) codes.Code {
	var out []byte
	return status.Code(cc.Invoke(ctx, "/"+service+"/Unary", &b, &out))
}

func say(method string, code codes.Code, sent, got int) {
	fmt.Printf(`{"name":"%s/%s","rpc.response.status_code":"%s","otel_ebpf.rpc.request.message_count":%d,`+
		`"otel_ebpf.rpc.response.message_count":%d}`+"\n", service, method, names[code], sent, got)
}

func load(cc *grpc.ClientConn, n int) {
	var count [17]int64
	var next int64
	var wg sync.WaitGroup
	mix := []byte{0, 3, 5, 13}
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(atomic.AddInt64(&next, 1))
				if i > n {
					return
				}
				atomic.AddInt64(&count[call(cc, context.Background(), []byte{mix[i%4], 0, 1, 2})], 1)
			}
		}()
	}
	wg.Wait()
	for i, c := range count {
		if c > 0 {
			fmt.Println(names[i], c)
		}
	}
}

func calls(cc *grpc.ClientConn, n int) {
	bg := context.Background()
	for range n {
		say("Unary", call(cc, bg, []byte{0}), 1, 1)
		say("Unary", call(cc, bg, []byte{9}), 1, 0)
		s, err := cc.NewStream(bg, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+service+"/Both")
		if err != nil {
			panic(err)
		}
		got := 0
		for i := range 5 {
			b := make([]byte, i*1000)
			_ = s.SendMsg(&b)
		}
		_ = s.CloseSend()
		for {
			var b []byte
			if err = s.RecvMsg(&b); err != nil {
				break
			}
			got++
		}
		if err == io.EOF {
			err = nil
		}
		say("Both", status.Code(err), 5, got)
	}
}

func main() {
	encoding.RegisterCodec(raw{})
	if os.Args[1] == "server" {
		serve()
	}
	cc, err := grpc.NewClient("127.0.0.1:"+os.Args[2], grpc.WithTransportCredentials(creds(false)))
	if err != nil {
		panic(err)
	}
	n, _ := strconv.Atoi(os.Args[4])
	if option("stdin") {
		fmt.Println("ready")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
	switch os.Args[3] {
	case "load":
		load(cc, n)
	case "calls":
		calls(cc, n)
	case "steady":
		k := 0
		for end := time.Now().Add(time.Duration(n) * time.Second); time.Now().Before(end); k++ {
			call(cc, context.Background(), []byte{0})
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Println(k)
	}
	cc.Close()
}
