"""Command lines of `mqadmin`, in an order in which each finds what it asks for.

The same lines run in all three releases: that a release has no such command is an answer too. A
line is given to `java/Mqadmin.java`; `{...}` and `!...` are explained there.
"""

_ON_A_NEW_BROKER = """
updateTopic -c DefaultCluster -t AdmTopic -r 4 -w 4
updateTopic -b {broker} -t AdmTopic2 -r 2 -w 2 -p 6
updateSubGroup -c DefaultCluster -g AdmGroup
updateSubGroup -b {broker} -g AdmGroup2 -s true -r 3
!join
"""
_LOOK = """
topicList
topicList -c
topicRoute -t AdmTopic
topicRoute -t AdmTopic -l
topicClusterList -t AdmTopic
topicStatus -t AdmTopic
updateTopicPerm -c DefaultCluster -t AdmTopic -p 6
clusterList
clusterList -m
brokerStatus -b {broker}
brokerStatus -c DefaultCluster
queryMsgById -i {offset}
queryMsgById -i {unique}
queryMsgByKey -t AdmTopic -k hold1
queryMsgByUniqueKey -t AdmTopic -i {unique}
queryMsgByOffset -b broker-a -t AdmTopic -i 0 -o 0
queryMsgTraceById -i {unique}
queryCq -t AdmTopic -q 0 -i 0 -c 4 -b {broker}
queryCq -t AdmTopic -q 0 -i 0 -c 4 -b {broker} -g AdmGroup
printMsg -t AdmTopic -d true
printMsgByQueue -t AdmTopic -a broker-a -i 0 -p true -d true
consumerProgress
consumerProgress -g AdmGroup
consumerProgress -g AdmGroup -s true
consumerConnection -g AdmGroup
producerConnection -g PG_PEER -t AdmTopic
producer -b {broker}
consumerStatus -g AdmGroup
consumerStatus -g AdmGroup -i {client}
consumerStatus -g AdmGroup -i {client} -s
getConsumerConfig -g AdmGroup
brokerConsumeStats -b {broker}
"""
_CHANGE = """
sendMessage -t AdmTopic -p hello -b broker-a -i 0
sendMessage -t AdmTopic2 -p hello -k adm1 -c TagZ -b broker-a -i 1
sendMsgStatus -b broker-a -s 16 -c 3
consumeMessage -t AdmTopic -c 4
consumeMessage -t AdmTopic -b broker-a -i 0 -o 0 -c 2
cloneGroupOffset -s AdmGroup -d AdmGroup2 -t AdmTopic -o false
queryMsgById -i {offset} -g AdmGroup -d {client}
queryMsgByUniqueKey -t AdmTopic -i {unique} -g AdmGroup -d {client}
statsAll -t AdmTopic
statsAll -a
allocateMQ -t AdmTopic -i 127.0.0.1,127.0.0.2
checkMsgSendRT -t AdmTopic -a 5 -s 32
getBrokerConfig -b {broker}
getBrokerConfig -c DefaultCluster
updateBrokerConfig -b {broker} -k flushDelayOffsetInterval -v 5000
updateBrokerConfig -b {broker} -k noSuchKey -v 1
getNamesrvConfig
updateNamesrvConfig -k clusterTest -v false
updateKvConfig -s ADM_NS -k k1 -v v1
deleteKvConfig -s ADM_NS -k k1
updateOrderConf -m put -t AdmTopic -v broker-a:4
updateOrderConf -m get -t AdmTopic
updateOrderConf -m delete -t AdmTopic
wipeWritePerm -b broker-a
topicRoute -t AdmTopic
addWritePerm -b broker-a
topicRoute -t AdmTopic
cleanExpiredCQ -c DefaultCluster
deleteExpiredCommitLog -c DefaultCluster
cleanUnusedTopic -c DefaultCluster
exportMetadata -c DefaultCluster -f {home}/x
exportMetadata -c DefaultCluster -t -f {home}/x
exportMetadata -c DefaultCluster -g -f {home}/x
exportConfigs -c DefaultCluster -f {home}/x
exportMetrics -c DefaultCluster -f {home}/x
resetOffsetByTime -g AdmGroup -t AdmTopic -s now
skipAccumulatedMessage -g AdmGroup -t AdmTopic
resetOffsetByTime -g AdmGroup -t AdmTopic -s 2020-01-01#00:00:00:000
clusterAclConfigVersion -b {broker}
getAclConfig -b {broker}
updateAclConfig -b {broker} -a rocketmq9 -s 12345678
deleteAclConfig -b {broker} -a rocketmq9
updateGlobalWhiteAddr -b {broker} -g 127.0.0.1
"""
_REMOVE = """
!leave
consumerConnection -g AdmGroup
deleteSubGroup -b {broker} -g AdmGroup2
deleteSubGroup -c DefaultCluster -g AdmGroup
consumerProgress -g AdmGroup
deleteTopic -c DefaultCluster -t AdmTopic2
deleteTopic -c DefaultCluster -t AdmTopic
topicRoute -t AdmTopic
topicStatus -t NoSuchTopic
help updateTopic
noSuchCommand
startMonitoring
clusterRT -c DefaultCluster -a 2 -s 16 -i 1
"""


# A line whose options a release's tool does not know ends the tool before it asks anybody.
_WITHOUT = {"4.6": {"topicRoute -t AdmTopic -l"}}
_INSTEAD = {"5.5": ("queryMsgById -i", "queryMsgById -t AdmTopic -i")}


def lines(release: str) -> list[str]:
    """One string for each command, words separated by tabs."""
    text = _ON_A_NEW_BROKER + _LOOK + _CHANGE + _REMOVE
    old, new = _INSTEAD.get(release, ("", ""))
    kept = [line for line in text.splitlines() if line not in {"", *_WITHOUT.get(release, ())}]
    return ["\t".join(line.replace(old, new).split() if old else line.split()) for line in kept]
