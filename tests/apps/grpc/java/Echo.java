// SPDX-License-Identifier: Apache-2.0

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.logging.Level;
import java.util.logging.Logger;

/** gRPC peer in Java: server PORT | client TARGET SCENARIO [N]; see tests/tools/grpc_app.sh. */
public final class Echo {
	static final String TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

	/** Req and Rep of echo.proto, written by hand: bytes and numbers by field number. */
	static final class Msg {
		final byte[][] bytes = new byte[7][0];
		final int[] num = new int[7];

		static Msg req(String text, int code, int count, int size, int sleepMs, String message) {
			Msg m = new Msg();
			m.bytes[1] = text.getBytes(StandardCharsets.UTF_8);
			m.num[2] = code;
			m.num[3] = count;
			m.num[4] = size;
			m.num[5] = sleepMs;
			m.bytes[6] = message.getBytes(StandardCharsets.UTF_8);
			return m;
		}

		static Msg req(String text, int size) {
			return req(text, 0, 0, size, 0, "");
		}

		Msg reply(int got) {
			Msg m = new Msg();
			m.bytes[1] = new byte[num[4]];
			m.num[2] = got;
			return m;
		}

		Status status() {
			return Status.fromCodeValue(num[2]).withDescription(new String(bytes[6], StandardCharsets.UTF_8));
		}

		static void varint(ByteArrayOutputStream out, long v) {
			for (; (v & ~0x7fL) != 0; v >>>= 7)
				out.write((int) (v & 0x7f | 0x80));
			out.write((int) v);
		}

		byte[] encode() {
			ByteArrayOutputStream out = new ByteArrayOutputStream();
			for (int f = 1; f < 7; f++) {
				if (bytes[f].length > 0) {
					out.write(f << 3 | 2);
					varint(out, bytes[f].length);
					out.write(bytes[f], 0, bytes[f].length);
				} else if (num[f] != 0) {
					out.write(f << 3);
					varint(out, num[f]);
				}
			}
			return out.toByteArray();
		}

		static long varint(InputStream in) throws IOException {
			long v = 0;
			for (int shift = 0; shift < 64; shift += 7) {
				int c = in.read();
				if (c < 0)
					break;
				v |= (long) (c & 0x7f) << shift;
				if (c < 0x80)
					return v;
			}
			throw new IOException("bad number");
		}

		static Msg decode(InputStream in) throws IOException {
			Msg m = new Msg();
			for (int tag = in.read(); tag >= 0; tag = in.read()) {
				int f = tag >> 3;
				if (f < 1 || f > 6 || (tag & 7) != 0 && (tag & 7) != 2)
					throw new IOException("bad field");
				if ((tag & 7) == 0)
					m.num[f] = (int) varint(in);
				else
					m.bytes[f] = in.readNBytes((int) varint(in));
			}
			return m;
		}
	}

	static final MethodDescriptor.Marshaller<Msg> MARSHALLER = new MethodDescriptor.Marshaller<Msg>() {
		@Override
		public InputStream stream(Msg m) {
			return new ByteArrayInputStream(m.encode());
		}

		@Override
		public Msg parse(InputStream in) {
			try {
				return Msg.decode(in);
			} catch (IOException e) {
				throw new UncheckedIOException(e);
			}
		}
	};

	static MethodDescriptor<Msg, Msg> method(String name, MethodType type) {
		return MethodDescriptor.newBuilder(MARSHALLER, MARSHALLER).setType(type).setFullMethodName("oe.test.Echo/" + name).build();
	}

	static final MethodDescriptor<Msg, Msg> UNARY = method("Unary", MethodType.UNARY);
	static final MethodDescriptor<Msg, Msg> CLIENT_STREAM = method("ClientStream", MethodType.CLIENT_STREAMING);
	static final MethodDescriptor<Msg, Msg> SERVER_STREAM = method("ServerStream", MethodType.SERVER_STREAMING);
	static final MethodDescriptor<Msg, Msg> BIDI = method("Bidi", MethodType.BIDI_STREAMING);
	static final MethodDescriptor<Msg, Msg> NOPE = method("Nope", MethodType.UNARY);

	/** Sleeps as asked, but no longer than the call lives; false when it is over. */
	static boolean nap(Msg req) {
		Context ctx = Context.current();
		try {
			for (int left = req.num[5]; left > 0 && !ctx.isCancelled(); left -= 20)
				Thread.sleep(Math.min(left, 20));
		} catch (InterruptedException e) {
			return false;
		}
		return !ctx.isCancelled();
	}

	static void answer(StreamObserver<Msg> out, Msg req, int got) {
		if (!nap(req))
			out.onError(Status.CANCELLED.asRuntimeException());
		else if (req.num[2] != 0)
			out.onError(req.status().asRuntimeException());
		else {
			out.onNext(req.reply(got));
			out.onCompleted();
		}
	}

	static void serverStream(Msg req, StreamObserver<Msg> out) {
		ServerCallStreamObserver<Msg> call = (ServerCallStreamObserver<Msg>) out;
		call.setOnCancelHandler(() -> { });
		for (int i = 0; i < req.num[3]; i++) {
			nap(req);
			if (call.isCancelled())
				return;
			out.onNext(req.reply(1));
		}
		if (req.num[2] != 0)
			out.onError(req.status().asRuntimeException());
		else
			out.onCompleted();
	}

	static StreamObserver<Msg> clientStream(StreamObserver<Msg> out) {
		return new StreamObserver<Msg>() {
			Msg last = new Msg();
			int got;

			@Override
			public void onNext(Msg req) {
				last = req;
				got++;
			}

			@Override
			public void onError(Throwable t) {
			}

			@Override
			public void onCompleted() {
				answer(out, last, got);
			}
		};
	}

	static StreamObserver<Msg> bidi(StreamObserver<Msg> out) {
		return new StreamObserver<Msg>() {
			boolean over;
			int got;

			@Override
			public void onNext(Msg req) {
				if (over)
					return;
				over = !nap(req) || req.num[2] != 0;
				if (!over)
					out.onNext(req.reply(++got));
				else
					out.onError((req.num[2] != 0 ? req.status() : Status.CANCELLED).asRuntimeException());
			}

			@Override
			public void onError(Throwable t) {
				over = true;
			}

			@Override
			public void onCompleted() {
				if (!over)
					out.onCompleted();
			}
		};
	}

	static void serve(String where) throws Exception {
		NettyServerBuilder b;
		if (where.startsWith("unix:"))
			b = NettyServerBuilder.forAddress(new DomainSocketAddress(where.substring(5)))
					.channelType(EpollServerDomainSocketChannel.class)
					.bossEventLoopGroup(new EpollEventLoopGroup(1)).workerEventLoopGroup(new EpollEventLoopGroup(2));
		else
			b = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", Integer.parseInt(where)));
		HealthStatusManager health = new HealthStatusManager();
		b.maxInboundMetadataSize(1 << 16).addService(health.getHealthService())
				.addService(ProtoReflectionService.newInstance()).addService(ProtoReflectionServiceV1.newInstance())
				.addService(ServerServiceDefinition.builder("oe.test.Echo")
						.addMethod(UNARY, ServerCalls.asyncUnaryCall((Msg req, StreamObserver<Msg> out) -> answer(out, req, 1)))
						.addMethod(CLIENT_STREAM, ServerCalls.asyncClientStreamingCall(Echo::clientStream))
						.addMethod(SERVER_STREAM, ServerCalls.asyncServerStreamingCall(Echo::serverStream))
						.addMethod(BIDI, ServerCalls.asyncBidiStreamingCall(Echo::bidi)).build());
		io.grpc.Server server = b.build().start();
		Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));
		System.out.println("ready");
		server.awaitTermination();
	}

	static void say(String method, Status status, int sent, int received) {
		System.out.println("oe.test.Echo/" + method + " " + status.getCode() + " " + sent + " " + received);
	}

	static Status unary(Channel chan, MethodDescriptor<Msg, Msg> method, CallOptions options, Msg req) {
		try {
			ClientCalls.blockingUnaryCall(chan, method, options, req);
			return Status.OK;
		} catch (StatusRuntimeException e) {
			return e.getStatus();
		}
	}

	static void sayUnary(Channel chan, MethodDescriptor<Msg, Msg> method, CallOptions options, Msg req) {
		Status status = unary(chan, method, options, req);
		say(method.getBareMethodName(), status, 1, status.isOk() ? 1 : 0);
	}

	/** Reads a stream: counts, does what is to be done upon each message, and keeps the status. */
	static final class Reader implements ClientResponseObserver<Msg, Msg> {
		final CountDownLatch over = new CountDownLatch(1);
		final Runnable each;
		ClientCallStreamObserver<Msg> call;
		Status status = Status.OK;
		int received;

		Reader(Runnable each) {
			this.each = each;
		}

		@Override
		public void beforeStart(ClientCallStreamObserver<Msg> c) {
			call = c;
		}

		@Override
		public void onNext(Msg rep) {
			received++;
			if (each != null)
				each.run();
		}

		@Override
		public void onError(Throwable t) {
			status = Status.fromThrowable(t);
			over.countDown();
		}

		@Override
		public void onCompleted() {
			over.countDown();
		}
	}

	static void streams(Channel chan) throws InterruptedException {
		Reader r = new Reader(null);
		StreamObserver<Msg> out = ClientCalls.asyncClientStreamingCall(chan.newCall(CLIENT_STREAM, CallOptions.DEFAULT), r);
		int sent = 0;
		for (; sent < 5; sent++)
			out.onNext(Msg.req("part " + sent, 10));
		out.onCompleted();
		r.over.await();
		say("ClientStream", r.status, sent, r.received);

		r = new Reader(null);
		ClientCalls.asyncServerStreamingCall(chan.newCall(SERVER_STREAM, CallOptions.DEFAULT), Msg.req("more", 0, 7, 100, 0, ""), r);
		r.over.await();
		say("ServerStream", r.status, 1, r.received);

		AtomicInteger pings = new AtomicInteger(1);
		Reader[] self = new Reader[1];
		self[0] = new Reader(() -> {
			int n = pings.get();
			if (n < 3) {
				pings.set(n + 1);
				self[0].call.onNext(Msg.req("ping " + n, 10));
			} else {
				self[0].call.onCompleted();
			}
		});
		ClientCalls.asyncBidiStreamingCall(chan.newCall(BIDI, CallOptions.DEFAULT), self[0]).onNext(Msg.req("ping 0", 10));
		self[0].over.await();
		say("Bidi", self[0].status, pings.get(), self[0].received);
	}

	static void cancel(Channel chan) throws InterruptedException {
		Reader[] self = new Reader[1];
		self[0] = new Reader(() -> self[0].call.cancel("enough", null));
		ClientCalls.asyncServerStreamingCall(chan.newCall(SERVER_STREAM, CallOptions.DEFAULT),
				Msg.req("stop me", 0, 1000, 10, 5, ""), self[0]);
		self[0].over.await();
		say("ServerStream", self[0].status, 1, self[0].received);
	}

	static void load(Channel chan, int n) throws InterruptedException {
		int[] codes = {0, 3, 5, 13};
		AtomicInteger next = new AtomicInteger();
		AtomicIntegerArray tally = new AtomicIntegerArray(17);
		List<Thread> workers = new ArrayList<>();
		for (int w = 0; w < 8; w++) {
			Thread t = new Thread(() -> {
				for (int i = next.getAndIncrement(); i < n; i = next.getAndIncrement()) {
					Msg req = Msg.req("load", codes[i % 4], 0, 10, 0, "as asked");
					tally.incrementAndGet(unary(chan, UNARY, CallOptions.DEFAULT, req).getCode().value());
				}
			});
			t.start();
			workers.add(t);
		}
		for (Thread t : workers)
			t.join();
		for (int code = 0; code < 17; code++)
			if (tally.get(code) > 0)
				System.out.println("oe.test.Echo/Unary " + Status.fromCodeValue(code).getCode() + " " + tally.get(code));
	}

	static Metadata manyEntries(Random random) {
		Metadata md = new Metadata();
		for (int k = 0; k < 40; k++)
			md.put(Metadata.Key.of(String.format("x-meta-%02d", k), Metadata.ASCII_STRING_MARSHALLER),
					random.ints(300, 'a', 'z' + 1).collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
							.toString());
		md.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), TRACEPARENT);
		return md;
	}

	static void run(Channel chan, String scenario, int n) throws InterruptedException {
		Random random = new Random();
		CallOptions plain = CallOptions.DEFAULT;
		if (scenario.equals("load")) {
			load(chan, n);
			return;
		}
		for (int i = 0; i < n; i++) {
			switch (scenario) {
			case "unary":
				sayUnary(chan, UNARY, plain, Msg.req("hello " + i, 10));
				break;
			case "codes":
				sayUnary(chan, UNARY, plain, Msg.req("code", i % 17, 0, 10, 0, "h\u00e9llo w\u00f6rld %"));
				break;
			case "streams":
				streams(chan);
				break;
			case "deadline":
				sayUnary(chan, UNARY, plain.withDeadlineAfter(100, TimeUnit.MILLISECONDS), Msg.req("slow", 0, 0, 0, 2000, ""));
				break;
			case "cancel":
				cancel(chan);
				break;
			case "large":
				sayUnary(chan, UNARY, plain, Msg.req("a".repeat(300000), 1000000));
				break;
			case "metadata":
				sayUnary(ClientInterceptors.intercept(chan, MetadataUtils.newAttachHeadersInterceptor(manyEntries(random))), UNARY,
						plain, Msg.req("metadata", 10));
				break;
			case "unimplemented":
				sayUnary(chan, NOPE, plain, Msg.req("nope", 0));
				break;
			default:
				throw new IllegalArgumentException("no scenario " + scenario);
			}
		}
	}

	/** Netty warns of each TCP option that a unix socket lacks. */
	static final Logger NETTY = Logger.getLogger("io.grpc.netty.shaded.io.netty");

	public static void main(String[] a) throws Exception {
		NETTY.setLevel(Level.SEVERE);
		if (a.length == 2 && a[0].equals("server")) {
			serve(a[1]);
		} else if ((a.length == 3 || a.length == 4) && a[0].equals("client")) {
			NettyChannelBuilder b;
			if (a[1].startsWith("unix:"))
				b = NettyChannelBuilder.forAddress(new DomainSocketAddress(a[1].substring(5))).overrideAuthority("localhost")
						.channelType(EpollDomainSocketChannel.class).eventLoopGroup(new EpollEventLoopGroup(1));
			else
				b = NettyChannelBuilder.forTarget(a[1]);
			ManagedChannel chan = b.usePlaintext().proxyDetector(address -> null).build();
			run(chan, a[2], a.length == 4 ? Integer.parseInt(a[3]) : 1);
			chan.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
			System.exit(0);
		} else {
			System.err.println("usage: server PORT | client TARGET SCENARIO [N]");
			System.exit(1);
		}
	}
}
