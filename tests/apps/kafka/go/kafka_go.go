// SPDX-License-Identifier: Apache-2.0

// segmentio/kafka-go. It knows no transactions.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
)

func kafkaGoProduce(ctx context.Context, o *options) (int, error) {
	if o.txnID != "" {
		return 0, errors.New("kafka-go knows no transactions")
	}
	w := &kafka.Writer{Addr: kafka.TCP(o.bootstrap...), Topic: o.topic, Balancer: &kafka.Hash{}, BatchTimeout: 10 * time.Millisecond,
		BatchBytes:   largest,
		Transport:    &kafka.Transport{TLS: tlsConfig()},
		Compression:  kafka.Compression(o.enum("compression", o.compression, codecs)),
		RequiredAcks: kafka.RequiredAcks(o.enum("acks", o.acks, map[string]int{"0": 0, "1": 1, "all": -1}))}
	// a batch that is larger than the broker takes is an error: as many as fit into 900 kB
	batch := max(1, min(500, 900000/(o.size+100)))
	w.BatchSize = batch
	sent := 0
	for i := 0; i < o.n; i += batch {
		var messages []kafka.Message
		for k := i; k < min(o.n, i+batch); k++ {
			m := kafka.Message{Key: o.key(k), Value: o.value(k)}
			if o.traceparent != "" {
				m.Headers = []kafka.Header{{Key: "traceparent", Value: []byte(o.traceparent)}}
			}
			messages = append(messages, m)
		}
		err := w.WriteMessages(ctx, messages...)
		var each kafka.WriteErrors
		switch {
		case err == nil:
			sent += len(messages)
		case errors.As(err, &each):
			sent += len(messages) - each.Count()
		}
		if err != nil {
			_ = w.Close()
			return sent, err
		}
	}
	return sent, w.Close()
}

func kafkaGoConsume(ctx context.Context, o *options, got func(int32)) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: o.bootstrap, GroupID: o.group, Topic: o.topic, StartOffset: kafka.FirstOffset,
		MaxWait: 500 * time.Millisecond, MinBytes: 1, MaxBytes: largest,
		Dialer: &kafka.Dialer{Timeout: 10 * time.Second, DualStack: true, TLS: tlsConfig()}})
	last := map[int]kafka.Message{}
	var failed error
	for n := 0; n < o.n; n++ {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			failed = err
			break
		}
		got(int32(m.Partition))
		last[m.Partition] = m
	}
	for _, m := range last {
		if err := r.CommitMessages(context.Background(), m); err != nil && failed == nil {
			failed = err
		}
	}
	if err := r.Close(); err != nil && failed == nil {
		failed = err
	}
	return failed
}
