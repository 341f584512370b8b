// SPDX-License-Identifier: Apache-2.0

// Go: kafka kafka_go|sarama|franz_go produce|consume ...; see ../client.py
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	canaryKey   = "CANARY-KEY-7f3a"
	canaryValue = "CANARY-VALUE-7f3a"
	largest     = 64 << 20
)

type options struct {
	bootstrap                             []string
	topic, group                          string
	n, size                               int
	traceparent, compression, acks, txnID string
}

// a library's producer says how many it counts as delivered, its consumer calls got for every message
type client struct {
	produce func(ctx context.Context, o *options) (int, error)
	consume func(ctx context.Context, o *options, got func(partition int32)) error
}

var codecs = map[string]int{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

var clients = map[string]client{
	"kafka_go": {kafkaGoProduce, kafkaGoConsume},
	"sarama":   {saramaProduce, saramaConsume},
	"franz_go": {franzProduce, franzConsume},
}

func (o *options) key(i int) []byte {
	return []byte(fmt.Sprintf("%s-%d", canaryKey, i))
}

func (o *options) value(i int) []byte {
	v := fmt.Sprintf("%s-%d-", canaryValue, i)
	if len(v) < o.size {
		v += strings.Repeat("x", o.size-len(v))
	}
	return []byte(v[:o.size])
}

func (o *options) enum(what, value string, values map[string]int) int {
	v, ok := values[value]
	if !ok {
		log.Fatalf("no %s %s", what, value)
	}
	return v
}

// tlsConfig: nil without KAFKA_TLS
func tlsConfig() *tls.Config {
	ca := os.Getenv("KAFKA_TLS")
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

func main() {
	log.SetFlags(0)
	o := &options{compression: "none", acks: "all", size: 100}
	timeout := 60
	var args []string
	for i := 1; i < len(os.Args); i++ {
		a := os.Args[i]
		if a == "--txn" {
			o.txnID = fmt.Sprintf("oe-txn-%d", time.Now().UnixNano())
			continue
		}
		if !strings.HasPrefix(a, "--") || i+1 == len(os.Args) {
			args = append(args, a)
			continue
		}
		i++
		switch v := os.Args[i]; a {
		case "--traceparent":
			o.traceparent = v
		case "--compression":
			o.compression = v
		case "--acks":
			o.acks = v
		case "--size":
			o.size = number(v)
		case "--timeout":
			timeout = number(v)
		default:
			log.Fatalf("no option %s", a)
		}
	}
	if len(args) < 5 || (args[1] == "consume" && len(args) < 6) {
		log.Fatal("kafka kafka_go|sarama|franz_go produce BOOTSTRAP TOPIC N | consume BOOTSTRAP TOPIC GROUP N")
	}
	c, ok := clients[args[0]]
	if !ok {
		log.Fatalf("no client %s", args[0])
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		log.Fatal("no line on stdin")
	}
	o.bootstrap, o.topic = strings.Split(args[2], ","), args[3]
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(timeout)*time.Second)
	defer cancel()
	var err error
	var n int
	out := json.NewEncoder(os.Stdout)
	if args[1] == "produce" {
		o.n = number(args[4])
		n, err = c.produce(ctx, o)
		_ = out.Encode(map[string]int{"sent": n})
	} else {
		o.group, o.n = args[4], number(args[5])
		partitions := map[string]int{}
		err = c.consume(ctx, o, func(p int32) {
			n++
			partitions[strconv.Itoa(int(p))]++
		})
		_ = out.Encode(struct {
			Consumed   int            `json:"consumed"`
			Partitions map[string]int `json:"partitions"`
		}{n, partitions})
	}
	if err != nil {
		log.Print(err)
	}
	if err != nil || n != o.n {
		os.Exit(1)
	}
}
