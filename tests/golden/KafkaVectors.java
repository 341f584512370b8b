// SPDX-License-Identifier: Apache-2.0
//
// Golden byte vectors of the Kafka wire protocol, made with Apache's own kafka-clients library (the generated message classes).
// 4.1.0 makes every version it knows; 3.9.0 makes the old versions which 4.x dropped (Produce 0-2, Fetch 0-3, OffsetCommit 0-1,
// OffsetFetch 0). One class file serves both libraries (methods that 3.9.0 lacks are called only for versions it lacks).
//
// Command lines (bash, in an empty directory that holds this file; Java 17, Maven):
//   for v in 3.9.0 4.1.0; do mkdir -p p$v && sed -n "s/VERSION/$v/;s#^//P ##p" KafkaVectors.java >p$v/pom.xml &&
//     mvn -q -B -f p$v/pom.xml dependency:copy-dependencies -DoutputDirectory=$PWD/libs-$v; done
//   javac --release 17 -Xlint:all -d classes -cp 'libs-4.1.0/*' KafkaVectors.java
//   (java -cp 'classes:libs-3.9.0/*' KafkaVectors old; java -cp 'classes:libs-4.1.0/*' KafkaVectors new) >kafka_vectors.txt
//P <project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
//P <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>VERSION</version></dependency>
//P <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
//P </dependencies></project>
// Mode "all" prints every version the library at hand knows: with 3.9.0 and 4.1.0 side by side a check of one against the other.
//
// The truth lines are not what was put in: each frame is parsed again by the library (all bytes must be used up) and the truth
// lines are printed from what it read. The format is described in the lines FORMAT below, which head the output.

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.BaseRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.TimestampType;

public final class KafkaVectors {
    private static final String FORMAT = """
        # SPDX-License-Identifier: Apache-2.0
        # Kafka wire protocol vectors, made by KafkaVectors.java with Apache kafka-clients 3.9.0 and 4.1.0. Lines starting with #
        # are comments. Fields are separated by one space. "-": null, empty or not in this version; a topic uuid is 32 hex digits.
        # V <req|resp> <api key> <version> <correlation id> <hex of the frame with its 4-byte length>; the lines that belong to it
        # follow, in the order of the wire:
        # H <client id|->                                           (every request; first line)
        # T <topic|-> <uuid|-> <partition> <records> <records bytes, -1: null> <attributes of the first batch|-1>
        #   <producer id of the first batch|-1> <shallow records> <magic of the first batch|-1> <batches>
        #   <traceparent records> <first traceparent|->             (Produce req)
        # R <topic|-> <uuid|-> <partition> <error> <base offset>    (Produce resp)
        # Q <topic|-> <uuid|-> <partition> <fetch offset>           (Fetch req)
        # X <topic|-> <uuid|-> <partition>                          (Fetch req: forgotten topics)
        # S <error> <session id>                                    (Fetch resp; first line; 0 0 where the version has none)
        # F <topic|-> <uuid|-> <partition> <error> <high watermark> <last stable offset|-1> <records> <base offset|-1>
        #   <last offset|-1> <shallow records> <records bytes, -1: null> <bytes of complete batches> <complete batches>
        #   <control batches> <first offset on the wire|-1> <last offset of any complete batch|-1>
        #   <magic of the first batch|-1> <attributes of the first batch|-1> <aborted transactions, -1: null>
        #   <traceparent records> <first traceparent|->             (Fetch resp)
        # B <node id> <host> <port>                                 (Metadata resp: brokers; before the topics)
        # M <topic|-> <uuid|-> <error> <partitions>                 (Metadata resp)
        # G <group id>                                              (group reqs: one per group; FindCoordinator: key type 0)
        # K <key type> <key>                                        (FindCoordinator req)
        # O <topic|-> <uuid|-> <partition> <committed offset>       (OffsetCommit req)
        # E <topic|-> <uuid|-> <partition> <error>                  (OffsetCommit resp)
        # N <group id> <topic|-> <uuid|-> <partition>               (OffsetFetch req; none for a null topics list)
        # A <software name|-> <software version|->                  (ApiVersions req)
        # Records, base offset and last offset of F are of the complete batches that are no control batches; control batches and
        # what is cut off at the end do not count. In T all batches are complete. Records: what a consumer sees, so of a
        # compressed message of magic 0 or 1 the messages inside; shallow records: without decompressing (such a message is one;
        # a batch of magic 2 has its count in the header). "First batch" and first offset on the wire: of any kind, if complete
        # (the first 8 bytes of the records field; a compressed message of magic 0 or 1 has the offset of its last message there,
        # and base offset is that of the first inside). Traceparent: of records with a header of that name, also in compressed
        # batches (see the attributes), control batches left out.
        """;

    private static final long T0 = 1700000000000L;
    private static final Uuid ID1 = new Uuid(0x0123456789abcdefL, 0x1112131415161718L);
    private static final Uuid ID2 = new Uuid(0x7f00ff0180fe02fdL, 0x8182838485868788L);
    private static final Uuid ID3 = new Uuid(0x00000000000000ffL, 0x00000000ff000001L);
    private static final String TP = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b";
    private static final Header[] NONE = new Header[0];
    private static PrintStream out;

    private record Rec(long offset, long time, byte[] key, byte[] value, Header[] headers) { }

    private KafkaVectors() { }

    // ---------------------------------------------------------------------------------------------------------- records

    private static byte[] b(String s) {
        return s == null ? null : s.getBytes(StandardCharsets.UTF_8);
    }

    private static Rec rec(long offset, String key, String value, Header... headers) {
        return new Rec(offset, T0 + offset * 7, b(key), b(value), headers);
    }

    private static Header tp(int i) {
        return new RecordHeader("traceparent", b(TP + i + "-01"));
    }

    /** n plain records from base on; with headers (magic 2): the second has three headers, the third the traceparent alone. */
    private static Rec[] recs(long base, int n, boolean headers) {
        Rec[] r = new Rec[n];
        for (int i = 0; i < n; i++) {
            String key = i % 3 == 2 ? null : "key-" + i;
            String value = i == 3 ? null : i == 4 ? "" : "value " + i + "@" + base;
            Header[] h = NONE;
            if (headers && i == 1) {
                h = new Header[] {new RecordHeader("a", b("1")), tp(i), new RecordHeader("null-valued", (byte[]) null)};
            } else if (headers && i == 2) {
                h = new Header[] {tp(i)};
            }
            r[i] = rec(base + i, key, value, h);
        }
        return r;
    }

    private static byte[] batch(int magic, CompressionType c, TimestampType t, long base, long pid, int epoch, int seq,
            boolean txn, int leaderEpoch, Rec... recs) {
        TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : t;
        MemoryRecordsBuilder m = MemoryRecords.builder(ByteBuffer.allocate(65536), (byte) magic, Compression.of(c).build(), type,
            base, T0 + 123456, pid, (short) epoch, seq, txn, leaderEpoch);
        for (Rec r : recs) {
            m.appendWithOffset(r.offset, magic == 0 ? -1 : r.time, r.key, r.value, magic == 2 ? r.headers : NONE);
        }
        return bytes(m.build());
    }

    private static byte[] plain(int magic, CompressionType c, long base, Rec... recs) {
        return batch(magic, c, TimestampType.CREATE_TIME, base, -1, -1, -1, false, magic == 2 ? 4 : -1, recs);
    }

    private static byte[] marker(long offset, long pid, ControlRecordType type) {
        return bytes(MemoryRecords.withEndTransactionMarker(offset, T0, 4, pid, (short) 3, new EndTransactionMarker(type, 7)));
    }

    private static byte[] bytes(MemoryRecords r) {
        ByteBuffer d = r.buffer().duplicate();
        byte[] a = new byte[d.remaining()];
        d.get(a);
        return a;
    }

    private static byte[] cat(byte[]... parts) {
        int n = 0;
        for (byte[] p : parts) {
            n += p.length;
        }
        ByteBuffer d = ByteBuffer.allocate(n);
        for (byte[] p : parts) {
            d.put(p);
        }
        return d.array();
    }

    private static byte[] cut(byte[] a, int n) {
        return Arrays.copyOf(a, n);
    }

    private static BaseRecords mem(byte[]... parts) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(cat(parts)));
    }

    private static CompressionType[] types(boolean zstd) {
        return zstd ? new CompressionType[] {CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY,
            CompressionType.LZ4, CompressionType.ZSTD} : new CompressionType[] {CompressionType.NONE, CompressionType.GZIP,
            CompressionType.SNAPPY, CompressionType.LZ4};
    }

    // ----------------------------------------------------------------------------------------------------------- frames

    private static boolean flex(int key, boolean req, int version) {
        ApiKeys k = ApiKeys.forId(key);
        return req ? k.requestHeaderVersion((short) version) >= 2
            : key == ApiKeys.API_VERSIONS.id ? version >= 3 : k.responseHeaderVersion((short) version) >= 1;
    }

    /** Two tagged fields no release knows, for a parser to skip; the tag of the second is more than a one-byte varint can say. */
    private static void unknownTags(Message m) {
        unknownTags(m, 2);
    }

    private static void unknownTags(Message m, int n) {
        byte[] c = new byte[n];
        Arrays.fill(c, (byte) 0xff);
        m.unknownTaggedFields().add(new RawTaggedField(90, new byte[] {1, 2, 3}));
        m.unknownTaggedFields().add(new RawTaggedField(300, c));
    }

    private static byte[] frame(Message header, int headerVersion, Message body, int version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int n = header.size(cache, (short) headerVersion) + body.size(cache, (short) version);
        ByteBufferAccessor w = new ByteBufferAccessor(ByteBuffer.allocate(4 + n));
        w.writeInt(n);
        header.write(w, cache, (short) headerVersion);
        body.write(w, cache, (short) version);
        if (w.buffer().hasRemaining()) {
            throw new IllegalStateException("size");
        }
        return w.buffer().array();
    }

    private static void vector(boolean req, int key, int version, int variant, String client, boolean tags, ApiMessage body) {
        ApiKeys k = ApiKeys.forId(key);
        int corr = key << 20 | version << 8 | variant << 1 | (req ? 1 : 0);
        int hv = req ? k.requestHeaderVersion((short) version) : k.responseHeaderVersion((short) version);
        boolean wantTags = tags && flex(key, req, version);
        Message h = req ? new RequestHeaderData().setRequestApiKey((short) key).setRequestApiVersion((short) version)
            .setCorrelationId(corr).setClientId(client) : new ResponseHeaderData().setCorrelationId(corr);
        if (wantTags) {
            unknownTags(body);
            if (hv >= (req ? 2 : 1)) {
                unknownTags(h, 130); // a size that is more than a one-byte varint can say
            }
        }
        byte[] f = frame(h, hv, body, version);
        ByteBufferAccessor r = new ByteBufferAccessor(ByteBuffer.wrap(f));
        if (r.readInt() != f.length - 4) {
            throw new IllegalStateException("length");
        }
        out.println("V " + (req ? "req" : "resp") + " " + key + " " + version + " " + corr + " " + HexFormat.of().formatHex(f));
        ApiMessage back;
        if (req) {
            RequestHeaderData rh = new RequestHeaderData(r, (short) hv);
            if (rh.requestApiKey() != key || rh.requestApiVersion() != version || rh.correlationId() != corr) {
                throw new IllegalStateException("header");
            }
            out.println("H " + dash(rh.clientId()));
            back = ApiMessageType.fromApiKey((short) key).newRequest();
        } else {
            if (new ResponseHeaderData(r, (short) hv).correlationId() != corr) {
                throw new IllegalStateException("header");
            }
            back = ApiMessageType.fromApiKey((short) key).newResponse();
        }
        back.read(r, (short) version);
        if (r.remaining() != 0) {
            throw new IllegalStateException("left over");
        }
        truth(back, version);
    }

    // ------------------------------------------------------------------------------------------------------ truth lines

    private static String dash(String s) {
        return s == null || s.isEmpty() ? "-" : s;
    }

    private static String uuid(Uuid u) {
        return String.format("%016x%016x", u.getMostSignificantBits(), u.getLeastSignificantBits());
    }

    private static String topic(String name, Uuid id, boolean hasId) {
        return dash(name) + " " + (hasId ? uuid(id) : "-");
    }

    private static final class Sum {
        int bytes = -1;
        int completeBytes;
        int batches;
        int control;
        int shallow;
        int records;
        int magic = -1;
        int attributes = -1;
        long producerId = -1;
        long wireOffset = -1;
        long base = -1;
        long last = -1;
        long lastAny = -1;
        int traced;
        String trace = "-";

        Sum(BaseRecords base) {
            MemoryRecords m = (MemoryRecords) base;
            if (m == null) {
                return;
            }
            bytes = m.sizeInBytes();
            ByteBuffer raw = m.buffer().duplicate();
            for (MutableRecordBatch x : m.batches()) {
                x.ensureValid();
                if (batches++ == 0) {
                    magic = x.magic();
                    int at = raw.position();
                    attributes = magic == 2 ? raw.getShort(at + 21) : raw.get(at + 17);
                    producerId = x.producerId();
                    wireOffset = raw.getLong(at);
                }
                completeBytes += x.sizeInBytes();
                lastAny = x.lastOffset();
                if (x.isControlBatch()) {
                    control++;
                    continue;
                }
                shallow += x.magic() == 2 ? x.countOrNull() : 1;
                boolean first = this.base < 0;
                for (Record r : x) {
                    records++;
                    if (first && this.base < 0) {
                        this.base = x.magic() == 2 ? x.baseOffset() : r.offset();
                    }
                    for (Header h : r.headers()) {
                        if (h.key().equals("traceparent")) {
                            if (traced++ == 0) {
                                trace = new String(h.value(), StandardCharsets.UTF_8);
                            }
                        }
                    }
                }
                last = x.lastOffset();
            }
        }
    }

    private static void truth(ApiMessage m, int v) {
        if (m instanceof ProduceRequestData d) {
            for (var t : d.topicData()) {
                for (var p : t.partitionData()) {
                    Sum s = new Sum(p.records());
                    if (s.completeBytes != Math.max(s.bytes, 0)) {
                        throw new IllegalStateException("cut off");
                    }
                    out.println("T " + topic(t.name(), v >= 13 ? t.topicId() : null, v >= 13) + " " + p.index() + " " + s.records
                        + " " + s.bytes + " " + s.attributes + " " + s.producerId + " " + s.shallow + " " + s.magic + " "
                        + s.batches + " " + s.traced + " " + s.trace);
                }
            }
        } else if (m instanceof ProduceResponseData d) {
            for (var t : d.responses()) {
                for (var p : t.partitionResponses()) {
                    out.println("R " + topic(t.name(), v >= 13 ? t.topicId() : null, v >= 13) + " " + p.index() + " "
                        + p.errorCode() + " " + p.baseOffset());
                }
            }
        } else if (m instanceof FetchRequestData d) {
            for (var t : d.topics()) {
                for (var p : t.partitions()) {
                    out.println("Q " + topic(t.topic(), t.topicId(), v >= 13) + " " + p.partition() + " " + p.fetchOffset());
                }
            }
            for (var t : d.forgottenTopicsData()) {
                for (int p : t.partitions()) {
                    out.println("X " + topic(t.topic(), t.topicId(), v >= 13) + " " + p);
                }
            }
        } else if (m instanceof FetchResponseData d) {
            out.println("S " + d.errorCode() + " " + d.sessionId());
            for (var t : d.responses()) {
                for (var p : t.partitions()) {
                    Sum s = new Sum(p.records());
                    out.println("F " + topic(t.topic(), t.topicId(), v >= 13) + " " + p.partitionIndex() + " " + p.errorCode()
                        + " " + p.highWatermark() + " " + p.lastStableOffset() + " " + s.records + " " + s.base + " " + s.last
                        + " " + s.shallow + " " + s.bytes + " " + s.completeBytes + " " + s.batches + " " + s.control + " "
                        + s.wireOffset + " " + s.lastAny + " " + s.magic + " " + s.attributes + " "
                        + (v < 4 || p.abortedTransactions() == null ? -1 : p.abortedTransactions().size()) + " " + s.traced
                        + " " + s.trace);
                }
            }
        } else if (m instanceof MetadataResponseData d) {
            for (var x : d.brokers()) {
                out.println("B " + x.nodeId() + " " + x.host() + " " + x.port());
            }
            for (var t : d.topics()) {
                out.println("M " + topic(t.name(), t.topicId(), v >= 10) + " " + t.errorCode() + " " + t.partitions().size());
            }
        } else {
            groupTruth(m, v);
        }
    }

    private static void groupTruth(ApiMessage m, int v) {
        if (m instanceof OffsetCommitRequestData d) {
            out.println("G " + d.groupId());
            for (var t : d.topics()) {
                for (var p : t.partitions()) {
                    out.println("O " + topic(t.name(), v >= 10 ? t.topicId() : null, v >= 10) + " " + p.partitionIndex() + " "
                        + p.committedOffset());
                }
            }
        } else if (m instanceof OffsetCommitResponseData d) {
            for (var t : d.topics()) {
                for (var p : t.partitions()) {
                    out.println("E " + topic(t.name(), v >= 10 ? t.topicId() : null, v >= 10) + " " + p.partitionIndex() + " "
                        + p.errorCode());
                }
            }
        } else if (m instanceof JoinGroupRequestData d) {
            out.println("G " + d.groupId());
        } else if (m instanceof HeartbeatRequestData d) {
            out.println("G " + d.groupId());
        } else if (m instanceof ConsumerGroupHeartbeatRequestData d) {
            out.println("G " + d.groupId());
        } else if (m instanceof OffsetFetchRequestData d) {
            if (v < 8) {
                out.println("G " + d.groupId());
                for (var t : d.topics() == null ? List.<OffsetFetchRequestData.OffsetFetchRequestTopic>of() : d.topics()) {
                    for (int p : t.partitionIndexes()) {
                        out.println("N " + d.groupId() + " " + topic(t.name(), null, false) + " " + p);
                    }
                }
                return;
            }
            for (var g : d.groups()) {
                out.println("G " + g.groupId());
                for (var t : g.topics() == null ? List.<OffsetFetchRequestData.OffsetFetchRequestTopics>of() : g.topics()) {
                    for (int p : t.partitionIndexes()) {
                        out.println("N " + g.groupId() + " " + topic(t.name(), v >= 10 ? t.topicId() : null, v >= 10) + " " + p);
                    }
                }
            }
        } else if (m instanceof FindCoordinatorRequestData d) {
            for (String k : v < 4 ? List.of(d.key()) : d.coordinatorKeys()) {
                if (d.keyType() == 0) {
                    out.println("G " + k);
                }
                out.println("K " + d.keyType() + " " + k);
            }
        } else if (m instanceof ApiVersionsRequestData d) {
            out.println("A " + dash(d.clientSoftwareName()) + " " + dash(d.clientSoftwareVersion()));
        } else {
            throw new IllegalStateException(m.getClass().getName());
        }
    }

    // ---------------------------------------------------------------------------------------------------------- Produce

    private static ProduceRequestData.TopicProduceData produceTopic(int v, String name, Uuid id, BaseRecords... records) {
        var t = new ProduceRequestData.TopicProduceData();
        if (v >= 13) {
            t.setTopicId(id);
        } else {
            t.setName(name);
        }
        for (int i = 0; i < records.length; i++) {
            t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(i * 3).setRecords(records[i]));
        }
        return t;
    }

    private static BaseRecords[] compressed(int magic, boolean zstd) {
        List<BaseRecords> l = new ArrayList<>();
        for (CompressionType c : types(zstd)) {
            l.add(mem(plain(magic, c, 0, recs(0, 5, magic == 2))));
        }
        return l.toArray(new BaseRecords[0]);
    }

    private static void produceReq(int v) {
        int magic = v < 2 ? 0 : v < 3 ? 1 : 2;
        // 0: three topics; idempotent and plain batches, null and empty records.
        var d = new ProduceRequestData().setAcks((short) -1).setTimeoutMs(30000);
        d.topicData().add(produceTopic(v, "orders", ID1, mem(plain(magic, CompressionType.NONE, 0, recs(0, 3, true))),
            mem(batch(magic, CompressionType.NONE, TimestampType.CREATE_TIME, 0, magic == 2 ? 4000000001L : -1,
                magic == 2 ? 2 : -1, magic == 2 ? 17 : -1, false, -1, recs(0, 6, false)))));
        d.topicData().add(produceTopic(v, "payments.v2_x-y", ID2, mem(plain(magic, CompressionType.NONE, 0, rec(0, null, "one"))),
            null, mem(plain(magic, CompressionType.NONE, 0, rec(0, "k", null)))));
        d.topicData().add(produceTopic(v, "t", ID3, mem()));
        vector(true, 0, v, 0, "producer-1", false, d);
        // 1: every compression type, no client id, unknown tagged fields; acks 0.
        d = new ProduceRequestData().setAcks((short) 0).setTimeoutMs(1500);
        var t = produceTopic(v, "compressed", ID1, compressed(magic, v >= 7));
        d.topicData().add(t);
        if (flex(0, true, v)) {
            unknownTags(t);
            unknownTags(t.partitionData().get(0));
        }
        vector(true, 0, v, 1, null, true, d);
        // 2: of a transaction (magic 2), many messages (magic 0 and 1); in some versions long strings (a client id of 130, a
        // topic name of 249 or 127 characters) and a record of three-byte varints.
        boolean big = v == 0 || v == 3 || v == 9 || v == 12;
        String longer = big ? "n".repeat(v == 9 ? 127 : 249) : "n";
        d = new ProduceRequestData().setAcks((short) 1).setTimeoutMs(30000);
        if (v >= 3) {
            d.setTransactionalId("txn-1");
            d.topicData().add(produceTopic(v, longer, ID2, mem(batch(2, CompressionType.NONE, TimestampType.CREATE_TIME, 0,
                77, 3, 5, true, -1, rec(0, null, "v".repeat(v == 9 ? 8200 : 70), tp(0))))));
        } else {
            d.topicData().add(produceTopic(v, longer, ID2, mem(plain(magic, CompressionType.NONE, 0, recs(0, 12, false))),
                mem(plain(0, CompressionType.NONE, 0, recs(0, 2, false)))));
        }
        vector(true, 0, v, 2, big ? "c".repeat(130) : "c", false, d);
        if (v == 3 || v == 9 || v == 13) { // 3: no topics at all
            vector(true, 0, v, 3, "producer-1", false, new ProduceRequestData().setAcks((short) -1).setTimeoutMs(30000));
        }
    }

    private static ProduceResponseData.PartitionProduceResponse produced(int index, int error, long base) {
        return new ProduceResponseData.PartitionProduceResponse().setIndex(index).setErrorCode((short) error).setBaseOffset(base);
    }

    private static ProduceResponseData.TopicProduceResponse producedTopic(int v, String name, Uuid id,
            ProduceResponseData.PartitionProduceResponse... parts) {
        var t = new ProduceResponseData.TopicProduceResponse();
        if (v >= 13) {
            t.setTopicId(id);
        } else {
            t.setName(name);
        }
        t.partitionResponses().addAll(List.of(parts));
        return t;
    }

    private static void produceResp(int v) {
        // 0: two topics, an error.
        var d = new ProduceResponseData();
        d.responses().add(producedTopic(v, "orders", ID1, produced(0, 0, 12345678901L), produced(3, 6, -1)));
        d.responses().add(producedTopic(v, "payments.v2_x-y", ID2, produced(0, 0, 0)));
        vector(false, 0, v, 0, null, false, d);
        // 1: everything the version has.
        d = new ProduceResponseData().setThrottleTimeMs(250);
        var bad = produced(9, 87, -1);
        if (v >= 8) {
            bad.setErrorMessage("One or more records have been rejected");
            bad.recordErrors().add(new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(2)
                .setBatchIndexErrorMessage("bad key"));
            bad.recordErrors().add(new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(3));
        }
        var moved = produced(1, 6, -1);
        if (v >= 10) {
            moved.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch().setLeaderId(3).setLeaderEpoch(11));
            d.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(3).setHost("broker-3.example").setPort(9092));
            d.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(4).setHost("b4").setPort(9093).setRack("r1"));
        }
        var stamped = produced(2, 0, 42).setLogAppendTimeMs(T0);
        if (v >= 5) {
            stamped.setLogStartOffset(40);
        }
        var t = producedTopic(v, (v % 4 == 0 ? "long-" + "n".repeat(125) : "u"), ID2, bad, moved, stamped);
        if (flex(0, false, v)) {
            unknownTags(t);
            unknownTags(moved);
        }
        d.responses().add(t);
        d.responses().add(producedTopic(v, "gone", ID3, produced(2147483647, 3, -1), produced(5, 29, -1)));
        vector(false, 0, v, 1, null, true, d);
    }

    // ------------------------------------------------------------------------------------------------------------ Fetch

    private static FetchRequestData.FetchPartition want(int v, int index, long offset) {
        var p = new FetchRequestData.FetchPartition().setPartition(index).setFetchOffset(offset).setPartitionMaxBytes(1048576);
        if (v >= 5) {
            p.setLogStartOffset(-1);
        }
        if (v >= 9) {
            p.setCurrentLeaderEpoch(4);
        }
        if (v >= 12) {
            p.setLastFetchedEpoch(3);
        }
        return p;
    }

    private static FetchRequestData.FetchTopic wantTopic(int v, String name, Uuid id, FetchRequestData.FetchPartition... parts) {
        var t = new FetchRequestData.FetchTopic();
        if (v >= 13) {
            t.setTopicId(id);
        } else {
            t.setTopic(name);
        }
        t.setPartitions(new ArrayList<>(List.of(parts)));
        return t;
    }

    private static FetchRequestData fetch(int v, int session, int epoch) {
        var d = new FetchRequestData().setMaxWaitMs(500).setMinBytes(1);
        if (v >= 3) {
            d.setMaxBytes(52428800);
        }
        if (v >= 7) {
            d.setSessionId(session).setSessionEpoch(epoch);
        }
        return d;
    }

    private static void fetchReq(int v) {
        // 0: two topics of a consumer.
        var d = fetch(v, 0, 0);
        if (v >= 4) {
            d.setIsolationLevel((byte) 1);
        }
        if (v >= 11) {
            d.setRackId("rack-1");
        }
        d.topics().add(wantTopic(v, "orders", ID1, want(v, 0, 12345678901L), want(v, 3, 0), want(v, 12, 5)));
        d.topics().add(wantTopic(v, "payments.v2_x-y", ID2, want(v, 0, 9007199254740993L)));
        vector(true, 1, v, 0, "consumer-group-1-1", false, d);
        // 1: a follower's, all tagged fields, unknown ones too.
        d = fetch(v, 1234567, 8);
        var p = want(v, 1, 77);
        if (v >= 15) {
            d.setReplicaState(new FetchRequestData.ReplicaState().setReplicaId(2).setReplicaEpoch(99));
        } else {
            d.setReplicaId(2);
        }
        if (v >= 12) {
            d.setClusterId("cluster-abc");
        }
        if (v >= 17) {
            p.setReplicaDirectoryId(ID3);
        }
        if (v >= 18) {
            p.setHighWatermark(70);
        }
        var t = wantTopic(v, (v % 4 == 0 ? "long-" + "n".repeat(125) : "u"), ID2, p, want(v, 2, 0));
        if (flex(1, true, v)) {
            unknownTags(t);
            unknownTags(p);
        }
        d.topics().add(t);
        if (v >= 7) {
            var f = new FetchRequestData.ForgottenTopic().setPartitions(new ArrayList<>(List.of(1, 5, 6)));
            var g = new FetchRequestData.ForgottenTopic().setPartitions(new ArrayList<>(List.of(0)));
            if (v >= 13) {
                f.setTopicId(ID1);
                g.setTopicId(ID3);
            } else {
                f.setTopic("orders");
                g.setTopic("t");
            }
            d.forgottenTopicsData().add(f);
            d.forgottenTopicsData().add(g);
        }
        vector(true, 1, v, 1, null, true, d);
        if (v >= 7) { // 2: an incremental fetch, which names no topic
            vector(true, 1, v, 2, "consumer-group-1-1", false, fetch(v, 1234567, 9));
        }
        if (v == 12) { // 3: an array longer than a one-byte varint can say
            d = fetch(v, 0, -1);
            t = wantTopic(v, "wide", ID1);
            for (int i = 0; i < 130; i++) {
                t.partitions().add(want(v, i, 1000L * i));
            }
            d.topics().add(t);
            vector(true, 1, v, 3, "wide", false, d);
        }
    }

    private static FetchResponseData.PartitionData got(int v, int index, int error, long hw, BaseRecords records) {
        var p = new FetchResponseData.PartitionData().setPartitionIndex(index).setErrorCode((short) error).setHighWatermark(hw)
            .setRecords(records);
        if (v >= 4) {
            p.setLastStableOffset(hw < 0 ? -1 : hw - 1).setAbortedTransactions(null);
        }
        if (v >= 5) {
            p.setLogStartOffset(hw < 0 ? -1 : 0);
        }
        return p;
    }

    private static FetchResponseData.FetchableTopicResponse gotTopic(int v, String name, Uuid id,
            FetchResponseData.PartitionData... parts) {
        var t = new FetchResponseData.FetchableTopicResponse();
        if (v >= 13) {
            t.setTopicId(id);
        } else {
            t.setTopic(name);
        }
        t.setPartitions(new ArrayList<>(List.of(parts)));
        return t;
    }

    private static FetchResponseData fetched(int v, int error, int session) {
        var d = new FetchResponseData();
        if (v >= 7) {
            d.setErrorCode((short) error).setSessionId(session);
        }
        return d;
    }

    private static void fetchResp(int v) {
        int magic = v < 2 ? 0 : v < 4 ? 1 : 2;
        byte[] b1 = plain(magic, CompressionType.NONE, 100, recs(100, 3, true));
        byte[] b2 = plain(magic, CompressionType.NONE, 103, recs(103, 2, true));
        byte[] b3 = plain(magic, CompressionType.GZIP, 105, recs(105, 4, true));
        // 0: two batches and a third cut off; errors; null and empty records.
        var d = fetched(v, 0, 1234567);
        d.responses().add(gotTopic(v, "orders", ID1, got(v, 0, 0, 12345678901L, mem(b1, b2, cut(b3, b3.length * 2 / 3))),
            got(v, 3, 1, -1, null), got(v, 4, 0, 50, mem())));
        d.responses().add(gotTopic(v, "payments.v2_x-y", ID2, got(v, 0, 0, 109, mem(b3)),
            got(v, 1, 6, -1, mem())));
        vector(false, 1, v, 0, null, false, d);
        // 1: every compression type, each with a cut of another size behind it; all fields of the version, unknown ones too.
        d = fetched(v, 0, 0).setThrottleTimeMs(v >= 1 ? 30 : 0);
        var t = gotTopic(v, "compressed", ID2);
        int[] cuts = {0, 5, 14, 40, 61};
        int i = 0;
        for (CompressionType c : types(v >= 10)) {
            byte[] x = plain(magic, c, 1000 + 100 * i, recs(1000 + 100 * i, i == 0 ? 5 : 3, true));
            t.partitions().add(got(v, i, 0, 2000, mem(x, cut(b3, cuts[i]))));
            i++;
        }
        var p = t.partitions().get(1);
        if (v >= 11) {
            p.setPreferredReadReplica(2);
        }
        if (v >= 12) {
            p.setDivergingEpoch(new FetchResponseData.EpochEndOffset().setEpoch(3).setEndOffset(900));
            p.setCurrentLeader(new FetchResponseData.LeaderIdAndEpoch().setLeaderId(1).setLeaderEpoch(4));
            p.setSnapshotId(new FetchResponseData.SnapshotId().setEpoch(2).setEndOffset(10));
            unknownTags(p);
            unknownTags(t);
        }
        if (v >= 16) {
            d.nodeEndpoints().add(new FetchResponseData.NodeEndpoint().setNodeId(1).setHost("b1").setPort(9092).setRack("r"));
        }
        d.responses().add(t);
        vector(false, 1, v, 1, null, true, d);
        // 2: what a log can hold: gaps, append time, a record too large, a first batch cut off; transactions.
        d = fetched(v, 0, 7);
        Rec[] gaps = {rec(205, "a", "x"), rec(207, "b", "y"), rec(215, null, "z")};
        byte[] g = magic == 2
            ? batch(2, CompressionType.NONE, TimestampType.CREATE_TIME, 203, -1, -1, -1, false, 4, gaps)
            : plain(magic, CompressionType.NONE, 205, gaps);
        byte[] l = batch(magic, CompressionType.GZIP, TimestampType.LOG_APPEND_TIME, 216, -1, -1, -1, false, magic == 2 ? 4 : -1,
            recs(216, 3, true));
        d.responses().add(gotTopic(v, "log", ID1, got(v, 0, 0, 219, mem(g, l)),
            got(v, 1, 0, 5000, mem(cut(b1, magic == 2 ? 70 : 35)))));
        if (v >= 4) {
            if (v == 4 || v == 11 || v == 12 || v == 18) { // a log written by old and new clients: magic 0, 1 and 2
                byte[] o1 = plain(0, CompressionType.NONE, 10, recs(10, 2, false));
                byte[] o2 = plain(1, CompressionType.GZIP, 12, recs(12, 3, false));
                byte[] o3 = plain(2, CompressionType.NONE, 15, recs(15, 2, true));
                d.responses().get(0).partitions().add(got(v, 2, 0, 17, mem(o1, o2, o3)));
            }
            byte[] t1 = batch(2, CompressionType.NONE, TimestampType.CREATE_TIME, 300, 77, 3, 0, true, 4, recs(300, 2, true));
            byte[] t2 = batch(2, CompressionType.LZ4, TimestampType.CREATE_TIME, 303, 78, 3, 0, true, 4, recs(303, 3, false));
            byte[] commit = marker(302, 77, ControlRecordType.COMMIT);
            byte[] abort = marker(306, 78, ControlRecordType.ABORT);
            var x = got(v, 0, 0, 307, mem(t1, commit, t2, abort));
            x.setAbortedTransactions(new ArrayList<>(List.of(
                new FetchResponseData.AbortedTransaction().setProducerId(78).setFirstOffset(303),
                new FetchResponseData.AbortedTransaction().setProducerId(79).setFirstOffset(320))));
            var y = got(v, 1, 0, 303, mem(commit, cut(t2, 70)));
            y.setAbortedTransactions(new ArrayList<>());
            d.responses().add(gotTopic(v, "transactions", ID3, x, y, got(v, 2, 0, 307, mem(commit, t2))));
        }
        vector(false, 1, v, 2, null, false, d);
        if (v >= 7) { // 3: a session error; no topics
            vector(false, 1, v, 3, null, false, fetched(v, 70, 0));
        }
    }

    // --------------------------------------------------------------------------------------------------------- Metadata

    private static MetadataResponseData.MetadataResponseTopic meta(int v, String name, Uuid id, int error, int partitions) {
        var t = new MetadataResponseData.MetadataResponseTopic().setErrorCode((short) error).setName(name);
        if (v >= 1) {
            t.setIsInternal(name != null && name.startsWith("__"));
        }
        if (v >= 10) {
            t.setTopicId(id);
        }
        if (v >= 8) {
            t.setTopicAuthorizedOperations(0xdf8);
        }
        for (int i = 0; i < partitions; i++) {
            var p = new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(i).setLeaderId(i == 2 ? -1 : 1)
                .setErrorCode((short) (i == 2 ? 5 : 0)).setReplicaNodes(List.of(1, 2, 1003)).setIsrNodes(List.of(1, 1003));
            if (v >= 5) {
                p.setOfflineReplicas(i == 2 ? List.of(2) : List.of());
            }
            if (v >= 7) {
                p.setLeaderEpoch(4 + i);
            }
            t.partitions().add(p);
        }
        return t;
    }

    private static void metadataResp(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new MetadataResponseData();
            if (v >= 1) {
                d.setControllerId(1003);
            }
            if (v >= 2 && variant == 0) {
                d.setClusterId("MkU3OEVBNTcwNTJENDM2Qg");
            }
            if (v >= 3) {
                d.setThrottleTimeMs(5);
            }
            var n = new MetadataResponseData.MetadataResponseBroker().setNodeId(1).setHost("broker-1.example.org").setPort(9092);
            d.brokers().add(n);
            if (variant == 0) {
                d.brokers().add(new MetadataResponseData.MetadataResponseBroker().setNodeId(1003).setHost("10.0.0.3").setPort(19092)
                    .setRack(v >= 1 ? "rack-1" : null));
                d.topics().add(meta(v, "orders", ID1, 0, 3));
                d.topics().add(meta(v, "payments.v2_x-y", ID2, 0, 1));
                d.topics().add(meta(v, "no-such-topic", Uuid.ZERO_UUID, 3, 0));
                d.topics().add(meta(v, "__consumer_offsets", ID3, 0, 2));
            } else {
                var t = meta(v, (v % 4 == 0 ? "long-" + "n".repeat(125) : "u"), ID3, 0, 2);
                if (flex(3, false, v)) {
                    unknownTags(n);
                    unknownTags(t);
                    unknownTags(t.partitions().get(0));
                }
                d.topics().add(t);
                if (v >= 12) {
                    d.topics().add(meta(v, null, ID2, 100, 0));
                }
                d.topics().add(meta(v, "t", ID1, 29, 0));
                if (v >= 13) {
                    d.setErrorCode((short) 129);
                }
            }
            vector(false, 3, v, variant, null, variant == 1, d);
        }
    }

    // ----------------------------------------------------------------------------------------------------------- groups

    private static OffsetCommitRequestData.OffsetCommitRequestPartition commit(int v, int index, long offset, String metadata) {
        var p = new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(index).setCommittedOffset(offset)
            .setCommittedMetadata(metadata);
        if (v >= 6) {
            p.setCommittedLeaderEpoch(4);
        }
        if (v == 1) { // the field is gone in 4.x
            try {
                p.getClass().getMethod("setCommitTimestamp", long.class).invoke(p, T0);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
        return p;
    }

    private static OffsetCommitRequestData.OffsetCommitRequestTopic commitTopic(int v, String name, Uuid id,
            OffsetCommitRequestData.OffsetCommitRequestPartition... parts) {
        var t = new OffsetCommitRequestData.OffsetCommitRequestTopic().setPartitions(List.of(parts));
        if (v >= 10) {
            t.setTopicId(id);
        } else {
            t.setName(name);
        }
        return t;
    }

    private static void offsetCommitReq(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new OffsetCommitRequestData().setGroupId(variant == 0 ? "group-1" : "g" + "r".repeat(150));
            if (v >= 1) {
                d.setGenerationIdOrMemberEpoch(9).setMemberId("consumer-1-5b3c");
            }
            if (v >= 2 && v <= 4) {
                d.setRetentionTimeMs(86400000L);
            }
            if (v >= 7 && variant == 1) {
                d.setGroupInstanceId("instance-1");
            }
            var t = commitTopic(v, "orders", ID1, commit(v, 0, 12345678901L, ""), commit(v, 3, 0, "note"), commit(v, 4, 5, null));
            d.topics().add(t);
            d.topics().add(commitTopic(v, "payments.v2_x-y", ID2, commit(v, 0, 6, "")));
            if (variant == 1 && flex(8, true, v)) {
                unknownTags(t);
                unknownTags(t.partitions().get(0));
            }
            vector(true, 8, v, variant, variant == 0 ? "consumer-1" : null, variant == 1, d);
        }
    }

    private static void offsetCommitResp(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new OffsetCommitResponseData();
            if (v >= 3) {
                d.setThrottleTimeMs(12);
            }
            for (int i = 0; i < 2; i++) {
                var t = new OffsetCommitResponseData.OffsetCommitResponseTopic();
                if (v >= 10) {
                    t.setTopicId(i == 0 ? ID1 : ID2);
                } else {
                    t.setName(i == 0 ? "orders" : "payments.v2_x-y");
                }
                for (int j = 0; j <= i; j++) {
                    t.partitions().add(new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(j * 4)
                        .setErrorCode((short) (variant == 0 ? 0 : j == 0 ? 27 : -1)));
                }
                if (variant == 1 && flex(8, false, v)) {
                    unknownTags(t);
                    unknownTags(t.partitions().get(0));
                }
                d.topics().add(t);
            }
            vector(false, 8, v, variant, null, variant == 1, d);
        }
    }

    private static void offsetFetchReq(int v) {
        for (int variant = 0; variant < 3; variant++) { // 2: all topics of the group (a null list)
            if (variant == 2 && v < 2) {
                break;
            }
            var d = new OffsetFetchRequestData();
            if (v >= 7) {
                d.setRequireStable(variant == 1);
            }
            if (v < 8) {
                d.setGroupId("group-" + variant);
                var t = new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("orders");
                var u = new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("t").setPartitionIndexes(List.of(1));
                t.setPartitionIndexes(List.of(0, 3, 4));
                d.setTopics(variant == 2 ? null : List.of(t, u));
                if (variant == 1 && flex(9, true, v)) {
                    unknownTags(t);
                }
            } else {
                for (int i = 0; i <= variant; i++) {
                    var g = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("group-" + variant + "-" + i);
                    if (v >= 9) {
                        g.setMemberId("member-1").setMemberEpoch(5);
                    }
                    var t = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(List.of(0, 3, 4));
                    var u = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(List.of(1));
                    if (v >= 10) {
                        t.setTopicId(ID1);
                        u.setTopicId(ID3);
                    } else {
                        t.setName("orders");
                        u.setName("t");
                    }
                    g.setTopics(variant == 2 && i == 1 ? null : List.of(t, u));
                    if (variant == 1) {
                        unknownTags(t);
                        unknownTags(g);
                    }
                    d.groups().add(g);
                }
            }
            vector(true, 9, v, variant, variant == 1 ? null : "consumer-1", variant == 1, d);
        }
    }

    private static void joinGroupReq(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new JoinGroupRequestData().setGroupId("group-" + variant).setSessionTimeoutMs(45000)
                .setMemberId(variant == 0 ? "" : "consumer-1-5b3c").setProtocolType("consumer");
            if (v >= 1) {
                d.setRebalanceTimeoutMs(300000);
            }
            if (v >= 5 && variant == 1) {
                d.setGroupInstanceId("instance-1");
            }
            if (v >= 8 && variant == 1) {
                d.setReason("rebalance");
            }
            for (String s : new String[] {"range", "cooperative-sticky"}) {
                d.protocols().add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName(s)
                    .setMetadata(new byte[] {0, 1, 0, 0, 0, 1, 0, 1, 't', -1, -1, -1, -1}));
            }
            vector(true, 11, v, variant, variant == 0 ? "consumer-1" : null, variant == 1, d);
        }
    }

    private static void heartbeatReq(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new HeartbeatRequestData().setGroupId("group-" + variant).setGenerationId(9).setMemberId("consumer-1-5b3c");
            if (v >= 3 && variant == 1) {
                d.setGroupInstanceId("instance-1");
            }
            vector(true, 12, v, variant, variant == 0 ? "consumer-1" : null, variant == 1, d);
        }
    }

    private static void findCoordinatorReq(int v) {
        for (int variant = 0; variant < 3; variant++) { // 2: of a transaction
            if (variant == 2 && v < 1) {
                break;
            }
            var d = new FindCoordinatorRequestData();
            if (v >= 1) {
                d.setKeyType((byte) (variant == 2 ? 1 : 0));
            }
            String key = variant == 2 ? "txn-1" : "group-" + variant;
            if (v < 4) {
                d.setKey(key);
            } else {
                d.setCoordinatorKeys(variant == 1 ? List.of(key, "group-x", "group-y") : List.of(key));
            }
            vector(true, 10, v, variant, variant == 1 ? null : "consumer-1", variant == 1, d);
        }
    }

    private static void apiVersionsReq(int v) {
        for (int variant = 0; variant < 2; variant++) {
            var d = new ApiVersionsRequestData();
            if (v >= 3) {
                d.setClientSoftwareName("apache-kafka-java").setClientSoftwareVersion("4.1.0");
            }
            vector(true, 18, v, variant, variant == 0 ? "admin-1" : null, variant == 1, d);
        }
    }

    private static void consumerGroupHeartbeatReq(int v) {
        for (int variant = 0; variant < 3; variant++) { // 2: nothing has changed since the last one
            var d = new ConsumerGroupHeartbeatRequestData().setGroupId("group-" + variant).setMemberId("wKGlkJT6QCe0dEqLsQ2xYA")
                .setMemberEpoch(variant == 2 ? 6 : 0);
            if (variant < 2) {
                d.setRebalanceTimeoutMs(300000).setSubscribedTopicNames(List.of("orders", "t")).setServerAssignor("uniform")
                    .setTopicPartitions(List.of(new ConsumerGroupHeartbeatRequestData.TopicPartitions().setTopicId(ID1)
                        .setPartitions(List.of(0, 1, 2))));
            }
            if (variant == 1) {
                d.setInstanceId("instance-1").setRackId("rack-1");
                if (v >= 1) {
                    d.setSubscribedTopicRegex("ord.*");
                }
                unknownTags(d.topicPartitions().get(0));
            }
            vector(true, 68, v, variant, variant == 1 ? null : "consumer-1", variant == 1, d);
        }
    }

    // ------------------------------------------------------------------------------------------------------------- main

    private interface Maker {
        void make(int version);
    }

    private static String mode;

    private static void each(int key, int firstNew, Maker... makers) {
        ApiMessageType t = ApiMessageType.fromApiKey((short) key);
        int low = t.lowestSupportedVersion();
        int high = t.highestSupportedVersion(true);
        if (mode.equals("old")) {
            high = firstNew - 1;
        } else if (mode.equals("new") && low != firstNew) {
            throw new IllegalStateException("lowest version of " + t);
        }
        for (Maker m : makers) {
            for (int v = low; v <= high; v++) {
                m.make(v);
            }
        }
    }

    public static void main(String[] args) {
        mode = args[0];
        out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (mode.equals("old")) {
            out.print(FORMAT);
        }
        each(0, 3, KafkaVectors::produceReq, KafkaVectors::produceResp);
        each(1, 4, KafkaVectors::fetchReq, KafkaVectors::fetchResp);
        each(3, 0, KafkaVectors::metadataResp);
        each(8, 2, KafkaVectors::offsetCommitReq, KafkaVectors::offsetCommitResp);
        each(9, 1, KafkaVectors::offsetFetchReq);
        each(10, 0, KafkaVectors::findCoordinatorReq);
        each(11, 0, KafkaVectors::joinGroupReq);
        each(12, 0, KafkaVectors::heartbeatReq);
        each(18, 0, KafkaVectors::apiVersionsReq);
        each(68, 0, KafkaVectors::consumerGroupHeartbeatReq);
        out.flush();
        if (out.checkError()) {
            throw new IllegalStateException("write");
        }
    }
}
