// SPDX-License-Identifier: Apache-2.0

// twmb/franz-go
package main

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

func franzProduce(ctx context.Context, o *options) (int, error) {
	all := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(),
		kgo.ZstdCompression()}
	codec := all[o.enum("compression", o.compression, codecs)]
	acks := []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()}[o.enum("acks", o.acks, map[string]int{"0": 0, "1": 1, "all": 2})]
	opts := []kgo.Opt{kgo.SeedBrokers(o.bootstrap...), kgo.ClientID("oe-franz-go"), kgo.ProducerBatchCompression(codec),
		kgo.RequiredAcks(acks), kgo.ProducerBatchMaxBytes(max(1000000, int32(o.size)+1000)), kgo.BrokerMaxWriteBytes(2 * largest)}
	if t := tlsConfig(); t != nil {
		opts = append(opts, kgo.DialTLSConfig(t))
	}
	if o.acks != "all" {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	if o.txnID != "" {
		opts = append(opts, kgo.TransactionalID(o.txnID))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if o.txnID != "" {
		if err := c.BeginTransaction(); err != nil {
			return 0, err
		}
	}
	var mu sync.Mutex
	var failed error
	sent := 0
	for i := 0; i < o.n; i++ {
		r := &kgo.Record{Topic: o.topic, Key: o.key(i), Value: o.value(i)}
		if o.traceparent != "" {
			r.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte(o.traceparent)}}
		}
		c.Produce(ctx, r, func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				sent++
			} else if failed == nil {
				failed = err
			}
		})
	}
	if err := c.Flush(ctx); err != nil && failed == nil {
		failed = err
	}
	mu.Lock()
	defer mu.Unlock()
	if o.txnID != "" {
		if err := c.EndTransaction(ctx, kgo.TransactionEndTry(failed == nil)); err != nil && failed == nil {
			failed = err
		}
	}
	return sent, failed
}

func franzConsume(ctx context.Context, o *options, got func(int32)) error {
	opts := []kgo.Opt{kgo.SeedBrokers(o.bootstrap...), kgo.ClientID("oe-franz-go"), kgo.ConsumerGroup(o.group),
		kgo.ConsumeTopics(o.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.BrokerMaxReadBytes(2 * largest)}
	if t := tlsConfig(); t != nil {
		opts = append(opts, kgo.DialTLSConfig(t))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	var failed error
	var last []*kgo.Record
	for n := 0; n < o.n && failed == nil; {
		fetches := c.PollRecords(ctx, o.n-n)
		if failed = fetches.Err0(); failed != nil {
			break
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			got(r.Partition)
			last = append(last, r)
		})
	}
	if err := c.CommitRecords(context.Background(), last...); err != nil && failed == nil {
		failed = err
	}
	// leaves the group as well
	c.Close()
	return failed
}
