// SPDX-License-Identifier: Apache-2.0

// gRPC peer in Go: server PORT | client TARGET SCENARIO [N]; see tests/tools/grpc_app.sh.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

var names = []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

type req struct {
	text, message              string
	code, count, size, sleepMs int32
}

type rep struct {
	payload []byte
	got     int32
}

// codec writes req and rep by hand, and what is a generated message (health, reflection) as usual
type codec struct{}

func (codec) Name() string { return "proto" }

func num(b []byte, f protowire.Number, v int32) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, f, protowire.VarintType), uint64(int64(v)))
}

func str(b []byte, f protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, f, protowire.BytesType), v)
}

func (codec) Marshal(v any) ([]byte, error) {
	switch m := v.(type) {
	case *req:
		b := num(num(num(num(str(nil, 1, m.text), 2, m.code), 3, m.count), 4, m.size), 5, m.sleepMs)
		return str(b, 6, m.message), nil
	case *rep:
		return num(str(nil, 1, string(m.payload)), 2, m.got), nil
	case proto.Message:
		return proto.Marshal(m)
	}
	return nil, fmt.Errorf("cannot encode %T", v)
}

func (codec) Unmarshal(b []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return proto.Unmarshal(b, m)
	}
	for len(b) > 0 {
		f, t, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var i uint64
		var s []byte
		switch t {
		case protowire.VarintType:
			i, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			s, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f, t, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch m := v.(type) {
		case *req:
			switch f {
			case 1:
				m.text = string(s)
			case 2:
				m.code = int32(i)
			case 3:
				m.count = int32(i)
			case 4:
				m.size = int32(i)
			case 5:
				m.sleepMs = int32(i)
			case 6:
				m.message = string(s)
			}
		case *rep:
			switch f {
			case 1:
				m.payload = append([]byte(nil), s...)
			case 2:
				m.got = int32(i)
			}
		}
	}
	return nil
}

// nap sleeps as asked, but no longer than the call lives
func nap(ctx context.Context, r *req) error {
	if r.sleepMs > 0 {
		select {
		case <-time.After(time.Duration(r.sleepMs) * time.Millisecond):
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	return nil
}

func end(r *req) error {
	if r.code == 0 {
		return nil
	}
	return status.Error(codes.Code(r.code), r.message)
}

func napAndEnd(ctx context.Context, r *req) error {
	if err := nap(ctx, r); err != nil {
		return err
	}
	return end(r)
}

func unary(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := new(req)
	if err := dec(r); err != nil {
		return nil, err
	}
	if err := napAndEnd(ctx, r); err != nil {
		return nil, err
	}
	return &rep{make([]byte, r.size), 1}, nil
}

func clientStream(_ any, s grpc.ServerStream) error {
	last, got := new(req), int32(0)
	for {
		r := new(req)
		if err := s.RecvMsg(r); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		last = r
		got++
	}
	if err := napAndEnd(s.Context(), last); err != nil {
		return err
	}
	return s.SendMsg(&rep{make([]byte, last.size), got})
}

func serverStream(_ any, s grpc.ServerStream) error {
	r := new(req)
	if err := s.RecvMsg(r); err != nil {
		return err
	}
	for i := int32(0); i < r.count; i++ {
		if err := nap(s.Context(), r); err != nil {
			return err
		}
		if err := s.SendMsg(&rep{make([]byte, r.size), 1}); err != nil {
			return err
		}
	}
	return end(r)
}

func bidi(_ any, s grpc.ServerStream) error {
	for got := int32(1); ; got++ {
		r := new(req)
		if err := s.RecvMsg(r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := napAndEnd(s.Context(), r); err != nil {
			return err
		}
		if err := s.SendMsg(&rep{make([]byte, r.size), got}); err != nil {
			return err
		}
	}
}

var echo = grpc.ServiceDesc{
	ServiceName: "oe.test.Echo",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "ClientStream", Handler: clientStream, ClientStreams: true},
		{StreamName: "ServerStream", Handler: serverStream, ServerStreams: true},
		{StreamName: "Bidi", Handler: bidi, ClientStreams: true, ServerStreams: true},
	},
	Metadata: "echo.proto",
}

// describe makes echo.proto known to reflection
func describe() {
	type kind = descriptorpb.FieldDescriptorProto_Type
	const text, bytes, i32 = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_BYTES,
		descriptorpb.FieldDescriptorProto_TYPE_INT32
	message := func(name string, fields []string, kinds []kind) *descriptorpb.DescriptorProto {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		for i := range fields {
			m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
				Name: proto.String(fields[i]), Number: proto.Int32(int32(i + 1)), Type: kinds[i].Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()})
		}
		return m
	}
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Echo")}
	for _, m := range []grpc.StreamDesc{{StreamName: "Unary"}, echo.Streams[0], echo.Streams[1], echo.Streams[2]} {
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(m.StreamName), InputType: proto.String(".oe.test.Req"), OutputType: proto.String(".oe.test.Rep"),
			ClientStreaming: proto.Bool(m.ClientStreams), ServerStreaming: proto.Bool(m.ServerStreams)})
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("echo.proto"), Package: proto.String("oe.test"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			message("Req", []string{"text", "code", "count", "size", "sleep_ms", "message"}, []kind{text, i32, i32, i32, i32, text}),
			message("Rep", []string{"payload", "got"}, []kind{bytes, i32})},
		Service: []*descriptorpb.ServiceDescriptorProto{service}}, nil)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		die(err)
	}
}

func die(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func serve(where string) {
	network, addr := "tcp", "127.0.0.1:"+where
	if path, ok := strings.CutPrefix(where, "unix:"); ok {
		network, addr = "unix", path
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		die(err)
	}
	describe()
	s := grpc.NewServer(grpc.ForceServerCodec(codec{}))
	s.RegisterService(&echo, nil)
	h := health.NewServer()
	h.SetServingStatus("oe.test.Echo", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s, h)
	reflection.Register(s)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		s.Stop()
	}()
	fmt.Println("ready")
	if err := s.Serve(l); err != nil {
		die(err)
	}
}

func say(method string, err error, sent, received int) {
	code := int(status.Code(err))
	name := strconv.Itoa(code)
	if code < len(names) {
		name = names[code]
	}
	fmt.Println("oe.test.Echo/"+method, name, sent, received)
}

type client struct{ *grpc.ClientConn }

func (c client) call(ctx context.Context, method string, r *req) {
	err := c.Invoke(ctx, "/oe.test.Echo/"+method, r, new(rep))
	received := 1
	if err != nil {
		received = 0
	}
	say(method, err, 1, received)
}

func (c client) open(ctx context.Context, i int) grpc.ClientStream {
	s, err := c.NewStream(ctx, &echo.Streams[i], "/oe.test.Echo/"+echo.Streams[i].StreamName)
	if err != nil {
		die(err)
	}
	return s
}

// drain reads until the stream ends; returns the status and how many messages came
func drain(s grpc.ClientStream) (received int, err error) {
	for {
		if err = s.RecvMsg(new(rep)); err != nil {
			break
		}
		received++
	}
	if err == io.EOF {
		err = nil
	}
	return
}

func (c client) streams() {
	ctx := context.Background()
	s, sent := c.open(ctx, 0), 0
	for i := 0; i < 5 && s.SendMsg(&req{text: "part " + strconv.Itoa(i), size: 10}) == nil; i++ {
		sent++
	}
	s.CloseSend()
	received, err := drain(s)
	say("ClientStream", err, sent, received)

	s = c.open(ctx, 1)
	s.SendMsg(&req{text: "more", count: 7, size: 100})
	s.CloseSend()
	received, err = drain(s)
	say("ServerStream", err, 1, received)

	s, sent, received = c.open(ctx, 2), 0, 0
	for i := 0; i < 3 && s.SendMsg(&req{text: "ping " + strconv.Itoa(i), size: 10}) == nil; i++ {
		sent++
		if s.RecvMsg(new(rep)) != nil {
			break
		}
		received++
	}
	s.CloseSend()
	more, err := drain(s)
	say("Bidi", err, sent, received+more)
}

func (c client) cancel() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := c.open(ctx, 1)
	s.SendMsg(&req{text: "stop me", count: 1000, size: 10, sleepMs: 5})
	s.CloseSend()
	received := 0
	err := s.RecvMsg(new(rep))
	if err == nil {
		received = 1
		cancel()
		// what had come before the cancelling is thrown away
		_, err = drain(s)
	}
	say("ServerStream", err, 1, received)
}

func (c client) load(n int) {
	var next atomic.Int64
	var tally [17]atomic.Int64
	var workers sync.WaitGroup
	for w := 0; w < 8; w++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				r := &req{text: "load", code: []int32{0, 3, 5, 13}[i%4], size: 10, message: "as asked"}
				tally[status.Code(c.Invoke(context.Background(), "/oe.test.Echo/Unary", r, new(rep)))%17].Add(1)
			}
		}()
	}
	workers.Wait()
	for code := range tally {
		if k := tally[code].Load(); k > 0 {
			fmt.Println("oe.test.Echo/Unary", names[code], k)
		}
	}
}

func text(n int) string {
	const set = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = set[rand.Intn(len(set))]
	}
	return string(b)
}

func (c client) run(scenario string, n int) {
	if scenario == "load" {
		c.load(n)
		return
	}
	for i := 0; i < n; i++ {
		ctx, done := context.Background(), func() {}
		switch scenario {
		case "unary":
			c.call(ctx, "Unary", &req{text: "hello " + strconv.Itoa(i), size: 10})
		case "codes":
			c.call(ctx, "Unary", &req{text: "code", code: int32(i % 17), size: 10, message: "héllo wörld %"})
		case "streams":
			c.streams()
		case "deadline":
			ctx, done = context.WithTimeout(ctx, 100*time.Millisecond)
			c.call(ctx, "Unary", &req{text: "slow", sleepMs: 2000})
		case "cancel":
			c.cancel()
		case "large":
			c.call(ctx, "Unary", &req{text: strings.Repeat("a", 300000), size: 1000000})
		case "metadata":
			md := metadata.Pairs("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			for k := 0; k < 40; k++ {
				md.Set(fmt.Sprintf("x-meta-%02d", k), text(300))
			}
			c.call(metadata.NewOutgoingContext(ctx, md), "Unary", &req{text: "metadata", size: 10})
		case "unimplemented":
			c.call(ctx, "Nope", &req{text: "nope"})
		default:
			die("no scenario " + scenario)
		}
		done()
	}
}

func main() {
	a := os.Args[1:]
	switch {
	case len(a) == 2 && a[0] == "server":
		serve(a[1])
	case (len(a) == 3 || len(a) == 4) && a[0] == "client":
		n := 1
		if len(a) == 4 {
			n, _ = strconv.Atoi(a[3])
		}
		conn, err := grpc.NewClient(a[1], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})))
		if err != nil {
			die(err)
		}
		client{conn}.run(a[2], n)
	default:
		die("usage: server PORT | client TARGET SCENARIO [N]")
	}
}
