// SPDX-License-Identifier: Apache-2.0

// IBM/sarama: its asynchronous producer, its consumer group
package main

import (
	"context"
	"sync"

	"github.com/IBM/sarama"
)

func saramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.ClientID = "oe-sarama"
	sarama.MaxRequestSize = 2 * largest
	c.Net.TLS.Config = tlsConfig()
	c.Net.TLS.Enable = c.Net.TLS.Config != nil
	return c
}

func saramaProduce(ctx context.Context, o *options) (int, error) {
	c := saramaConfig()
	c.Producer.Return.Successes = true
	c.Producer.MaxMessageBytes = largest
	c.Producer.Flush.MaxMessages = max(1, min(500, 900000/(o.size+100)))
	c.Producer.Compression = sarama.CompressionCodec(o.enum("compression", o.compression, codecs))
	c.Producer.RequiredAcks = sarama.RequiredAcks(o.enum("acks", o.acks, map[string]int{"0": 0, "1": 1, "all": -1}))
	if o.txnID != "" {
		c.Producer.Transaction.ID = o.txnID
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
	}
	p, err := sarama.NewAsyncProducer(o.bootstrap, c)
	if err != nil {
		return 0, err
	}
	if o.txnID != "" {
		if err := p.BeginTxn(); err != nil {
			return 0, err
		}
	}
	go func() {
		for i := 0; i < o.n; i++ {
			m := &sarama.ProducerMessage{Topic: o.topic, Key: sarama.ByteEncoder(o.key(i)), Value: sarama.ByteEncoder(o.value(i))}
			if o.traceparent != "" {
				m.Headers = []sarama.RecordHeader{{Key: []byte("traceparent"), Value: []byte(o.traceparent)}}
			}
			select {
			case p.Input() <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	sent := 0
	var failed error
	for i := 0; i < o.n && failed == nil; i++ {
		select {
		case <-p.Successes():
			sent++
		case e := <-p.Errors():
			failed = e
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	if o.txnID != "" && failed == nil {
		failed = p.CommitTxn()
	}
	if failed != nil {
		return sent, failed
	}
	return sent, p.Close()
}

type saramaHandler struct {
	mu   sync.Mutex
	n    int
	got  func(int32)
	done context.CancelFunc
}

func (*saramaHandler) Setup(sarama.ConsumerGroupSession) error { return nil }

func (*saramaHandler) Cleanup(s sarama.ConsumerGroupSession) error {
	s.Commit()
	return nil
}

func (h *saramaHandler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			h.mu.Lock()
			if h.n > 0 {
				h.n--
				h.got(m.Partition)
				s.MarkMessage(m, "")
				if h.n == 0 {
					h.done()
				}
			}
			h.mu.Unlock()
		case <-s.Context().Done():
			return nil
		}
	}
}

func saramaConsume(ctx context.Context, o *options, got func(int32)) error {
	c := saramaConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	g, err := sarama.NewConsumerGroup(o.bootstrap, o.group, c)
	if err != nil {
		return err
	}
	enough, done := context.WithCancel(ctx)
	defer done()
	h := &saramaHandler{n: o.n, got: got, done: done}
	for enough.Err() == nil && err == nil {
		err = g.Consume(enough, []string{o.topic}, h)
	}
	if enough.Err() != nil {
		err = nil
	}
	if e := g.Close(); err == nil {
		err = e
	}
	return err
}
