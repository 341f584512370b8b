// SPDX-License-Identifier: Apache-2.0
// kafka-clients; see ../client.py
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class KafkaApp {
    static final String KEY = "CANARY-KEY-7f3a", VALUE = "CANARY-VALUE-7f3a";
    static final int LARGEST = 64 << 20;

    static String opt(Map<String, String> o, String name, String otherwise) {
        return o.getOrDefault(name, otherwise);
    }

    static int produce(Map<String, String> o, List<String> args, long end) throws Exception {
        String topic = args.get(2);
        int n = Integer.parseInt(args.get(3)), size = Integer.parseInt(opt(o, "size", "100"));
        Properties p = new Properties();
        p.put("bootstrap.servers", args.get(1));
        p.put("client.id", "oe-java");
        p.put("compression.type", opt(o, "compression", "none"));
        p.put("acks", opt(o, "acks", "all"));
        p.put("max.request.size", LARGEST);
        p.put("buffer.memory", 2 * LARGEST);
        int ms = (int) Math.max(1000, (end - System.nanoTime()) / 1000000);
        p.put("request.timeout.ms", Math.min(30000, ms / 2));
        p.put("delivery.timeout.ms", ms);
        p.put("max.block.ms", ms);
        p.put("linger.ms", 5);
        boolean txn = o.containsKey("txn");
        if (txn) p.put("transactional.id", "oe-txn-" + System.nanoTime());
        KafkaProducer<String, String> producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
        if (txn) {
            producer.initTransactions();
            producer.beginTransaction();
        }
        List<Future<RecordMetadata>> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            StringBuilder v = new StringBuilder(VALUE + "-" + i + "-");
            while (v.length() < size) v.append('x');
            v.setLength(size);
            ProducerRecord<String, String> r = new ProducerRecord<>(topic, KEY + "-" + i, v.toString());
            if (o.containsKey("traceparent")) r.headers().add("traceparent", o.get("traceparent").getBytes("UTF-8"));
            all.add(producer.send(r));
            // no broker, no topic: not as long again for every message
            if (System.nanoTime() > end) break;
        }
        producer.flush();
        if (txn) producer.commitTransaction();
        int sent = 0;
        Exception failed = null;
        for (Future<RecordMetadata> f : all) {
            try {
                f.get();
                sent++;
            } catch (Exception e) {
                failed = e;
            }
        }
        if (failed != null) System.err.println(failed.getMessage());
        producer.close(Duration.ofSeconds(5));
        System.out.println("{\"sent\": " + sent + "}");
        return sent == n ? 0 : 1;
    }

    static int consume(Map<String, String> o, List<String> args, long end) {
        String topic = args.get(2);
        int n = Integer.parseInt(args.get(4)), consumed = 0;
        Properties p = new Properties();
        p.put("bootstrap.servers", args.get(1));
        p.put("group.id", args.get(3));
        p.put("client.id", "oe-java");
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", false);
        Map<Integer, Integer> partitions = new TreeMap<>();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        try (KafkaConsumer<String, String> c = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            c.subscribe(List.of(topic));
            while (consumed < n && System.nanoTime() < end) {
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(500))) {
                    if (consumed == n) break;
                    consumed++;
                    partitions.merge(r.partition(), 1, Integer::sum);
                    offsets.put(new TopicPartition(topic, r.partition()), new OffsetAndMetadata(r.offset() + 1));
                }
            }
            if (consumed > 0) c.commitSync(offsets);
        }
        StringBuilder s = new StringBuilder();
        partitions.forEach((k, v) -> s.append(s.length() == 0 ? "" : ", ").append("\"" + k + "\": " + v));
        System.out.println("{\"consumed\": " + consumed + ", \"partitions\": {" + s + "}}");
        return consumed == n ? 0 : 1;
    }

    public static void main(String[] argv) throws Exception {
        Map<String, String> o = new HashMap<>();
        List<String> args = new ArrayList<>();
        for (int i = 0; i < argv.length; i++) {
            if (argv[i].equals("--txn")) o.put("txn", "");
            else if (argv[i].startsWith("--")) o.put(argv[i].substring(2), argv[++i]);
            else args.add(argv[i]);
        }
        // its classes are loaded before a tracer comes
        Class.forName("org.apache.kafka.clients.producer.KafkaProducer");
        Class.forName("org.apache.kafka.clients.consumer.KafkaConsumer");
        for (int c; (c = System.in.read()) != '\n';) {
            if (c < 0) {
                System.err.println("no line on stdin");
                System.exit(1);
            }
        }
        long end = System.nanoTime() + Long.parseLong(opt(o, "timeout", "60")) * 1000000000L;
        System.exit(args.get(0).equals("produce") ? produce(o, args, end) : consume(o, args, end));
    }
}
