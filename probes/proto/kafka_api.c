/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_api.h"

#include <stddef.h>

#define ALL	     0, KAFKA_NEVER
#define FROM(v)	     v, KAFKA_NEVER
#define ONLY(lo, hi) lo, hi
#define N(a)	     (sizeof(a) / sizeof((a)[0]))

static const struct kafka_field produce_req[] = {
	{KT_STR, 0, FROM(3), 0}, /* transactional id */
	{KT_I16, KW_ACKS, ALL, 0},
	{KT_I32, 0, ALL, 0}, /* timeout */
	{KT_ARRAY, KW_TOPICS, ALL, 5},
	{KT_STR, KW_TOPIC, ONLY(0, 12), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(13), 0},
	{KT_ARRAY, KW_PARTS, ALL, 2},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_RECORDS, KW_RECORDS, ALL, 0},
};

static const struct kafka_field produce_resp[] = {
	{KT_ARRAY, KW_TOPICS, ALL, 12},
	{KT_STR, KW_TOPIC, ONLY(0, 12), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(13), 0},
	{KT_ARRAY, KW_PARTS, ALL, 9},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_I16, KW_ERROR, ALL, 0},
	{KT_I64, KW_OFFSET, ALL, 0},
	{KT_I64, 0, FROM(2), 0},   /* append time */
	{KT_I64, 0, FROM(5), 0},   /* log start offset */
	{KT_ARRAY, 0, FROM(8), 2}, /* errors of records */
	{KT_I32, 0, ALL, 0},
	{KT_STR, 0, ALL, 0},
	{KT_STR, 0, FROM(8), 0},
	{KT_I32, 0, FROM(1), 0}, /* throttle time */
};

static const struct kafka_field fetch_req[] = {
	{KT_I32, 0, ONLY(0, 14), 0}, /* replica id */
	{KT_I32, 0, ALL, 0},	     /* max wait */
	{KT_I32, 0, ALL, 0},	     /* min bytes */
	{KT_I32, 0, FROM(3), 0},     /* max bytes */
	{KT_I8, 0, FROM(4), 0},	     /* isolation level */
	{KT_I32, 0, FROM(7), 0},     /* session id */
	{KT_I32, KW_SESSION_EPOCH, FROM(7), 0},
	{KT_ARRAY, KW_TOPICS, ALL, 9},
	{KT_STR, KW_TOPIC, ONLY(0, 12), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(13), 0},
	{KT_ARRAY, KW_PARTS, ALL, 6},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_I32, 0, FROM(9), 0}, /* leader epoch */
	{KT_I64, KW_OFFSET, ALL, 0},
	{KT_I32, 0, FROM(12), 0}, /* last fetched epoch */
	{KT_I64, 0, FROM(5), 0},  /* log start offset */
	{KT_I32, 0, ALL, 0},	  /* partition max bytes */
	{KT_ARRAY, KW_FORGOTTEN, FROM(7), 4},
	{KT_STR, KW_TOPIC, ONLY(7, 12), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(13), 0},
	{KT_LIST, KW_FORGOTTEN_PARTS, ALL, 1},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_STR, 0, FROM(11), 0}, /* rack */
};

static const struct kafka_field fetch_resp[] = {
	{KT_I32, 0, FROM(1), 0}, /* throttle time */
	{KT_I16, KW_ERROR_TOP, FROM(7), 0},
	{KT_I32, 0, FROM(7), 0}, /* session id */
	{KT_ARRAY, KW_TOPICS, ALL, 13},
	{KT_STR, KW_TOPIC, ONLY(0, 12), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(13), 0},
	{KT_ARRAY, KW_PARTS, ALL, 10},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_I16, KW_ERROR, ALL, 0},
	{KT_I64, KW_HIGH_WATERMARK, ALL, 0},
	{KT_I64, KW_STABLE_OFFSET, FROM(4), 0},
	{KT_I64, 0, FROM(5), 0},   /* log start offset */
	{KT_ARRAY, 0, FROM(4), 2}, /* aborted transactions */
	{KT_I64, 0, ALL, 0},
	{KT_I64, 0, ALL, 0},
	{KT_I32, 0, FROM(11), 0}, /* preferred read replica */
	{KT_RECORDS, KW_RECORDS, ALL, 0},
};

static const struct kafka_field metadata_resp[] = {
	{KT_I32, 0, FROM(3), 0},   /* throttle time */
	{KT_ARRAY, 0, FROM(0), 4}, /* brokers */
	{KT_I32, 0, ALL, 0},
	{KT_STR, 0, ALL, 0},
	{KT_I32, 0, ALL, 0},
	{KT_STR, 0, FROM(1), 0},
	{KT_STR, 0, FROM(2), 0}, /* cluster id */
	{KT_I32, 0, FROM(1), 0}, /* controller */
	{KT_ARRAY, KW_TOPICS, ALL, 16},
	{KT_I16, KW_ERROR, ALL, 0},
	{KT_STR, KW_TOPIC, ALL, 0},
	{KT_UUID, KW_TOPIC_ID, FROM(10), 0},
	{KT_I8, 0, FROM(1), 0},
	{KT_ARRAY, 0, ALL, 10},
	{KT_I16, 0, ALL, 0},
	{KT_I32, 0, ALL, 0},
	{KT_I32, 0, ALL, 0},
	{KT_I32, 0, FROM(7), 0},
	{KT_LIST, 0, ALL, 1},
	{KT_I32, 0, ALL, 0},
	{KT_LIST, 0, ALL, 1},
	{KT_I32, 0, ALL, 0},
	{KT_LIST, 0, FROM(5), 1},
	{KT_I32, 0, ALL, 0},
	{KT_I32, 0, FROM(8), 0}, /* authorized operations */
	{KT_I32, 0, ONLY(8, 10), 0},
	{KT_I16, KW_ERROR_TOP, FROM(13), 0},
};

static const struct kafka_field commit_req[] = {
	{KT_STR, KW_GROUP, ALL, 0},
	{KT_I32, 0, FROM(1), 0},    /* generation */
	{KT_STR, 0, FROM(1), 0},    /* member */
	{KT_STR, 0, FROM(7), 0},    /* instance */
	{KT_I64, 0, ONLY(2, 4), 0}, /* retention time */
	{KT_ARRAY, KW_TOPICS, ALL, 8},
	{KT_STR, KW_TOPIC, ONLY(0, 9), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(10), 0},
	{KT_ARRAY, KW_PARTS, ALL, 5},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_I64, KW_OFFSET, ALL, 0},
	{KT_I32, 0, FROM(6), 0},    /* leader epoch */
	{KT_I64, 0, ONLY(1, 1), 0}, /* time */
	{KT_STR, 0, ALL, 0},	    /* metadata */
};

static const struct kafka_field commit_resp[] = {
	{KT_I32, 0, FROM(3), 0}, /* throttle time */
	{KT_ARRAY, KW_TOPICS, ALL, 5},
	{KT_STR, KW_TOPIC, ONLY(0, 9), 0},
	{KT_UUID, KW_TOPIC_ID, FROM(10), 0},
	{KT_ARRAY, KW_PARTS, ALL, 2},
	{KT_I32, KW_PARTITION, ALL, 0},
	{KT_I16, KW_ERROR, ALL, 0},
};

static const struct kafka_field create_topics_resp[] = {
	{KT_I32, 0, FROM(2), 0}, /* throttle time */
	{KT_ARRAY, KW_TOPICS, ALL, 12},
	{KT_STR, KW_TOPIC, ALL, 0},
	{KT_UUID, KW_TOPIC_ID, FROM(7), 0},
	{KT_I16, KW_ERROR, ALL, 0},
	{KT_STR, 0, FROM(1), 0},
	{KT_I32, 0, FROM(5), 0},
	{KT_I16, 0, FROM(5), 0},
	{KT_ARRAY, 0, FROM(5), 5},
	{KT_STR, 0, ALL, 0},
	{KT_STR, 0, ALL, 0},
	{KT_I8, 0, ALL, 0},
	{KT_I8, 0, ALL, 0},
	{KT_I8, 0, ALL, 0},
};

static const struct kafka_field delete_topics_resp[] = {
	{KT_I32, 0, FROM(1), 0}, /* throttle time */
	{KT_ARRAY, KW_TOPICS, ALL, 4},
	{KT_STR, KW_TOPIC, ALL, 0},
	{KT_UUID, KW_TOPIC_ID, FROM(6), 0},
	{KT_I16, KW_ERROR, ALL, 0},
	{KT_STR, 0, FROM(5), 0},
};

/* requests that begin with the group; what follows is read past */
static const struct kafka_field group_req[] = {{KT_STR, KW_GROUP, ALL, 0}};
static const struct kafka_field offset_fetch_req[] = {
	{KT_STR, KW_GROUP, ONLY(0, 7), 0}, {KT_ARRAY, 0, FROM(8), 8}, {KT_STR, KW_GROUP, ALL, 0},
	{KT_STR, 0, FROM(9), 0}, /* member */
	{KT_I32, 0, FROM(9), 0},	   {KT_ARRAY, 0, ALL, 4},     {KT_STR, 0, ONLY(0, 9), 0},
	{KT_UUID, 0, FROM(10), 0},	   {KT_LIST, 0, ALL, 1},      {KT_I32, 0, ALL, 0},
};
static const struct kafka_field offsets_to_txn_req[] = {
	{KT_STR, 0, ALL, 0},
	{KT_I64, 0, ALL, 0},
	{KT_I16, 0, ALL, 0},
	{KT_STR, KW_GROUP, ALL, 0},
};
static const struct kafka_field txn_commit_req[] = {
	{KT_STR, 0, ALL, 0},
	{KT_STR, KW_GROUP, ALL, 0},
};

/* responses that begin with an error code, behind the throttle time of newer versions */
static const struct kafka_field error_resp[] = {
	{KT_I32, 0, FROM(1), 0},
	{KT_I16, KW_ERROR_TOP, ALL, 0},
};
static const struct kafka_field throttled_error_resp[] = {
	{KT_I32, 0, ALL, 0},
	{KT_I16, KW_ERROR_TOP, ALL, 0},
};
static const struct kafka_field join_resp[] = {
	{KT_I32, 0, FROM(2), 0},
	{KT_I16, KW_ERROR_TOP, ALL, 0},
};
static const struct kafka_field coordinator_resp[] = {
	{KT_I32, 0, FROM(1), 0},
	{KT_I16, KW_ERROR_TOP, ONLY(0, 3), 0},
};
static const struct kafka_field first_error_resp[] = {{KT_I16, KW_ERROR_TOP, ALL, 0}};

#define PLAIN(name, max, flex)                                                                     \
	{                                                                                          \
		name, max, flex, 0, 0, NULL, NULL                                                  \
	}
#define REQ(name, max, flex, q)                                                                    \
	{                                                                                          \
		name, max, flex, N(q), 0, q, NULL                                                  \
	}
#define RESP(name, max, flex, r)                                                                   \
	{                                                                                          \
		name, max, flex, 0, N(r), NULL, r                                                  \
	}
#define BOTH(name, max, flex, q, r)                                                                \
	{                                                                                          \
		name, max, flex, N(q), N(r), q, r                                                  \
	}

/* by API key */
static const struct kafka_api apis[] = {
	[0] = BOTH("Produce", 13, 9, produce_req, produce_resp),
	[1] = BOTH("Fetch", 18, 12, fetch_req, fetch_resp),
	[2] = PLAIN("ListOffsets", 11, 6),
	[3] = RESP("Metadata", 13, 9, metadata_resp),
	[4] = PLAIN("LeaderAndIsr", 7, 4),
	[5] = PLAIN("StopReplica", 4, 2),
	[6] = PLAIN("UpdateMetadata", 8, 6),
	[7] = PLAIN("ControlledShutdown", 3, 3),
	[8] = BOTH("OffsetCommit", 10, 8, commit_req, commit_resp),
	[9] = REQ("OffsetFetch", 10, 6, offset_fetch_req),
	[10] = RESP("FindCoordinator", 6, 3, coordinator_resp),
	[11] = BOTH("JoinGroup", 9, 6, group_req, join_resp),
	[12] = BOTH("Heartbeat", 4, 4, group_req, error_resp),
	[13] = BOTH("LeaveGroup", 5, 4, group_req, error_resp),
	[14] = BOTH("SyncGroup", 5, 4, group_req, error_resp),
	[15] = PLAIN("DescribeGroups", 6, 5),
	[16] = PLAIN("ListGroups", 5, 3),
	[17] = RESP("SaslHandshake", 1, KAFKA_NEVER, first_error_resp),
	[18] = PLAIN("ApiVersions", 4, 3),
	[19] = RESP("CreateTopics", 7, 5, create_topics_resp),
	[20] = RESP("DeleteTopics", 6, 4, delete_topics_resp),
	[21] = PLAIN("DeleteRecords", 2, 2),
	[22] = RESP("InitProducerId", 6, 2, throttled_error_resp),
	[23] = PLAIN("OffsetForLeaderEpoch", 4, 4),
	[24] = PLAIN("AddPartitionsToTxn", 5, 3),
	[25] = BOTH("AddOffsetsToTxn", 4, 3, offsets_to_txn_req, throttled_error_resp),
	[26] = RESP("EndTxn", 5, 3, throttled_error_resp),
	[27] = PLAIN("WriteTxnMarkers", 2, 1),
	[28] = REQ("TxnOffsetCommit", 5, 3, txn_commit_req),
	[29] = PLAIN("DescribeAcls", 3, 2),
	[30] = PLAIN("CreateAcls", 3, 2),
	[31] = PLAIN("DeleteAcls", 3, 2),
	[32] = PLAIN("DescribeConfigs", 4, 4),
	[33] = PLAIN("AlterConfigs", 2, 2),
	[34] = PLAIN("AlterReplicaLogDirs", 2, 2),
	[35] = PLAIN("DescribeLogDirs", 5, 2),
	[36] = RESP("SaslAuthenticate", 2, 2, first_error_resp),
	[37] = PLAIN("CreatePartitions", 3, 2),
	[38] = PLAIN("CreateDelegationToken", 3, 2),
	[39] = PLAIN("RenewDelegationToken", 2, 2),
	[40] = PLAIN("ExpireDelegationToken", 2, 2),
	[41] = PLAIN("DescribeDelegationToken", 3, 2),
	[42] = PLAIN("DeleteGroups", 3, 2),
	[43] = PLAIN("ElectLeaders", 2, 2),
	[44] = PLAIN("IncrementalAlterConfigs", 1, 1),
	[45] = PLAIN("AlterPartitionReassignments", 1, 0),
	[46] = PLAIN("ListPartitionReassignments", 0, 0),
	[47] = PLAIN("OffsetDelete", 0, KAFKA_NEVER),
	[48] = PLAIN("DescribeClientQuotas", 1, 1),
	[49] = PLAIN("AlterClientQuotas", 1, 1),
	[50] = PLAIN("DescribeUserScramCredentials", 0, 0),
	[51] = PLAIN("AlterUserScramCredentials", 0, 0),
	[52] = PLAIN("Vote", 2, 0),
	[53] = PLAIN("BeginQuorumEpoch", 1, 1),
	[54] = PLAIN("EndQuorumEpoch", 1, 1),
	[55] = PLAIN("DescribeQuorum", 2, 0),
	[56] = PLAIN("AlterPartition", 3, 0),
	[57] = PLAIN("UpdateFeatures", 2, 0),
	[58] = PLAIN("Envelope", 0, 0),
	[59] = PLAIN("FetchSnapshot", 1, 0),
	[60] = PLAIN("DescribeCluster", 2, 0),
	[61] = PLAIN("DescribeProducers", 0, 0),
	[62] = PLAIN("BrokerRegistration", 4, 0),
	[63] = PLAIN("BrokerHeartbeat", 1, 0),
	[64] = PLAIN("UnregisterBroker", 0, 0),
	[65] = PLAIN("DescribeTransactions", 0, 0),
	[66] = PLAIN("ListTransactions", 2, 0),
	[67] = PLAIN("AllocateProducerIds", 0, 0),
	[68] = BOTH("ConsumerGroupHeartbeat", 1, 0, group_req, throttled_error_resp),
	[69] = PLAIN("ConsumerGroupDescribe", 1, 0),
	[70] = PLAIN("ControllerRegistration", 0, 0),
	[71] = PLAIN("GetTelemetrySubscriptions", 0, 0),
	[72] = PLAIN("PushTelemetry", 0, 0),
	[73] = PLAIN("AssignReplicasToDirs", 0, 0),
	[74] = PLAIN("ListConfigResources", 1, 0),
	[75] = PLAIN("DescribeTopicPartitions", 0, 0),
	[76] = PLAIN("ShareGroupHeartbeat", 1, 0),
	[77] = PLAIN("ShareGroupDescribe", 1, 0),
	[78] = PLAIN("ShareFetch", 2, 0),
	[79] = PLAIN("ShareAcknowledge", 2, 0),
	[80] = PLAIN("AddRaftVoter", 1, 0),
	[81] = PLAIN("RemoveRaftVoter", 0, 0),
	[82] = PLAIN("UpdateRaftVoter", 0, 0),
	[83] = PLAIN("InitializeShareGroupState", 0, 0),
	[84] = PLAIN("ReadShareGroupState", 0, 0),
	[85] = PLAIN("WriteShareGroupState", 1, 0),
	[86] = PLAIN("DeleteShareGroupState", 0, 0),
	[87] = PLAIN("ReadShareGroupStateSummary", 1, 0),
	[88] = PLAIN("StreamsGroupHeartbeat", 0, 0),
	[89] = PLAIN("StreamsGroupDescribe", 0, 0),
	[90] = PLAIN("DescribeShareGroupOffsets", 1, 0),
	[91] = PLAIN("AlterShareGroupOffsets", 0, 0),
	[92] = PLAIN("DeleteShareGroupOffsets", 0, 0),
};

const struct kafka_api *kafka_api(int key)
{
	return key >= 0 && (size_t)key < N(apis) ? &apis[key] : NULL;
}

/* org.apache.kafka.common.protocol.Errors, by code from -1 on */
static const char *const errors[] = {
	"UNKNOWN_SERVER_ERROR",
	"NONE",
	"OFFSET_OUT_OF_RANGE",
	"CORRUPT_MESSAGE",
	"UNKNOWN_TOPIC_OR_PARTITION",
	"INVALID_FETCH_SIZE",
	"LEADER_NOT_AVAILABLE",
	"NOT_LEADER_OR_FOLLOWER",
	"REQUEST_TIMED_OUT",
	"BROKER_NOT_AVAILABLE",
	"REPLICA_NOT_AVAILABLE",
	"MESSAGE_TOO_LARGE",
	"STALE_CONTROLLER_EPOCH",
	"OFFSET_METADATA_TOO_LARGE",
	"NETWORK_EXCEPTION",
	"COORDINATOR_LOAD_IN_PROGRESS",
	"COORDINATOR_NOT_AVAILABLE",
	"NOT_COORDINATOR",
	"INVALID_TOPIC_EXCEPTION",
	"RECORD_LIST_TOO_LARGE",
	"NOT_ENOUGH_REPLICAS",
	"NOT_ENOUGH_REPLICAS_AFTER_APPEND",
	"INVALID_REQUIRED_ACKS",
	"ILLEGAL_GENERATION",
	"INCONSISTENT_GROUP_PROTOCOL",
	"INVALID_GROUP_ID",
	"UNKNOWN_MEMBER_ID",
	"INVALID_SESSION_TIMEOUT",
	"REBALANCE_IN_PROGRESS",
	"INVALID_COMMIT_OFFSET_SIZE",
	"TOPIC_AUTHORIZATION_FAILED",
	"GROUP_AUTHORIZATION_FAILED",
	"CLUSTER_AUTHORIZATION_FAILED",
	"INVALID_TIMESTAMP",
	"UNSUPPORTED_SASL_MECHANISM",
	"ILLEGAL_SASL_STATE",
	"UNSUPPORTED_VERSION",
	"TOPIC_ALREADY_EXISTS",
	"INVALID_PARTITIONS",
	"INVALID_REPLICATION_FACTOR",
	"INVALID_REPLICA_ASSIGNMENT",
	"INVALID_CONFIG",
	"NOT_CONTROLLER",
	"INVALID_REQUEST",
	"UNSUPPORTED_FOR_MESSAGE_FORMAT",
	"POLICY_VIOLATION",
	"OUT_OF_ORDER_SEQUENCE_NUMBER",
	"DUPLICATE_SEQUENCE_NUMBER",
	"INVALID_PRODUCER_EPOCH",
	"INVALID_TXN_STATE",
	"INVALID_PRODUCER_ID_MAPPING",
	"INVALID_TRANSACTION_TIMEOUT",
	"CONCURRENT_TRANSACTIONS",
	"TRANSACTION_COORDINATOR_FENCED",
	"TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
	"SECURITY_DISABLED",
	"OPERATION_NOT_ATTEMPTED",
	"KAFKA_STORAGE_ERROR",
	"LOG_DIR_NOT_FOUND",
	"SASL_AUTHENTICATION_FAILED",
	"UNKNOWN_PRODUCER_ID",
	"REASSIGNMENT_IN_PROGRESS",
	"DELEGATION_TOKEN_AUTH_DISABLED",
	"DELEGATION_TOKEN_NOT_FOUND",
	"DELEGATION_TOKEN_OWNER_MISMATCH",
	"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
	"DELEGATION_TOKEN_AUTHORIZATION_FAILED",
	"DELEGATION_TOKEN_EXPIRED",
	"INVALID_PRINCIPAL_TYPE",
	"NON_EMPTY_GROUP",
	"GROUP_ID_NOT_FOUND",
	"FETCH_SESSION_ID_NOT_FOUND",
	"INVALID_FETCH_SESSION_EPOCH",
	"LISTENER_NOT_FOUND",
	"TOPIC_DELETION_DISABLED",
	"FENCED_LEADER_EPOCH",
	"UNKNOWN_LEADER_EPOCH",
	"UNSUPPORTED_COMPRESSION_TYPE",
	"STALE_BROKER_EPOCH",
	"OFFSET_NOT_AVAILABLE",
	"MEMBER_ID_REQUIRED",
	"PREFERRED_LEADER_NOT_AVAILABLE",
	"GROUP_MAX_SIZE_REACHED",
	"FENCED_INSTANCE_ID",
	"ELIGIBLE_LEADERS_NOT_AVAILABLE",
	"ELECTION_NOT_NEEDED",
	"NO_REASSIGNMENT_IN_PROGRESS",
	"GROUP_SUBSCRIBED_TO_TOPIC",
	"INVALID_RECORD",
	"UNSTABLE_OFFSET_COMMIT",
	"THROTTLING_QUOTA_EXCEEDED",
	"PRODUCER_FENCED",
	"RESOURCE_NOT_FOUND",
	"DUPLICATE_RESOURCE",
	"UNACCEPTABLE_CREDENTIAL",
	"INCONSISTENT_VOTER_SET",
	"INVALID_UPDATE_VERSION",
	"FEATURE_UPDATE_FAILED",
	"PRINCIPAL_DESERIALIZATION_FAILURE",
	"SNAPSHOT_NOT_FOUND",
	"POSITION_OUT_OF_RANGE",
	"UNKNOWN_TOPIC_ID",
	"DUPLICATE_BROKER_REGISTRATION",
	"BROKER_ID_NOT_REGISTERED",
	"INCONSISTENT_TOPIC_ID",
	"INCONSISTENT_CLUSTER_ID",
	"TRANSACTIONAL_ID_NOT_FOUND",
	"FETCH_SESSION_TOPIC_ID_ERROR",
	"INELIGIBLE_REPLICA",
	"NEW_LEADER_ELECTED",
	"OFFSET_MOVED_TO_TIERED_STORAGE",
	"FENCED_MEMBER_EPOCH",
	"UNRELEASED_INSTANCE_ID",
	"UNSUPPORTED_ASSIGNOR",
	"STALE_MEMBER_EPOCH",
	"MISMATCHED_ENDPOINT_TYPE",
	"UNSUPPORTED_ENDPOINT_TYPE",
	"UNKNOWN_CONTROLLER_ID",
	"UNKNOWN_SUBSCRIPTION_ID",
	"TELEMETRY_TOO_LARGE",
	"INVALID_REGISTRATION",
	"TRANSACTION_ABORTABLE",
	"INVALID_RECORD_STATE",
	"SHARE_SESSION_NOT_FOUND",
	"INVALID_SHARE_SESSION_EPOCH",
	"FENCED_STATE_EPOCH",
	"INVALID_VOTER_KEY",
	"DUPLICATE_VOTER",
	"VOTER_NOT_FOUND",
	"INVALID_REGULAR_EXPRESSION",
	"REBOOTSTRAP_REQUIRED",
};

const char *kafka_error_name(int code)
{
	return code >= -1 && (size_t)(code + 1) < N(errors) ? errors[code + 1] : NULL;
}
