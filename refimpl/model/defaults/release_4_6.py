"""Configuration of Apache RocketMQ 4.6.1: every field with its type and default.

Generated from the fields and setters of the classes named below; `refimpl.model.config` says how
a line is read.
"""

# BrokerConfig
BROKER = """\
b aclEnable=false
i adminBrokerThreadPoolNums=16
b autoCreateSubscriptionGroup=true
b autoCreateTopicEnable=true
s brokerClusterName=DefaultCluster
b brokerFastFailureEnable=true
s brokerIP1=@ADDRESS@
s brokerIP2=@ADDRESS@
l brokerId=0
s brokerName=@HOSTNAME@
i brokerPermission=6
b brokerTopicEnable=true
i clientManageThreadPoolNums=32
i clientManagerThreadPoolQueueCapacity=1000000
b clusterTopicEnable=true
i commercialBaseCount=1
i commercialBigCount=1
b commercialEnable=true
i commercialTimerCount=1
i commercialTransCount=1
b compressedRegister=false
l consumerFallbehindThreshold=17179869184
i consumerManageThreadPoolNums=32
i consumerManagerThreadPoolQueueCapacity=1000000
i defaultTopicQueueNums=8
b disableConsumeIfConsumerReadSlowly=false
b enableCalcFilterBitMap=false
b enablePropertyFilter=false
i endTransactionPoolQueueCapacity=100000
i endTransactionThreadPoolNums=@8+2p
i expectConsumerNumUseFilter=32
b fetchNamesrvAddrByAddressServer=false
l filterDataCleanTimeSpan=86400000
i filterServerNums=0
b filterSupportRetry=false
i flushConsumerOffsetHistoryInterval=60000
i flushConsumerOffsetInterval=5000
b forceRegister=true
i heartbeatThreadPoolNums=@p<32
i heartbeatThreadPoolQueueCapacity=50000
b highSpeedMode=false
b longPollingEnable=true
i maxDelayTime=40
i maxErrorRateOfBloomFilter=20
s messageStorePlugIn=
s msgTraceTopicName=RMQ_SYS_TRACE_TOPIC
s namesrvAddr
b notifyConsumerIdsChangedEnable=true
i processReplyMessageThreadPoolNums=@16+2p
i pullMessageThreadPoolNums=@16+2p
i pullThreadPoolQueueCapacity=100000
i queryMessageThreadPoolNums=@8+1p
i queryThreadPoolQueueCapacity=20000
s regionId=DefaultRegion
i registerBrokerTimeoutMills=6000
i registerNameServerPeriod=30000
b rejectTransactionMessage=false
i replyThreadPoolQueueCapacity=10000
s rocketmqHome=@RMQHOME@
i sendMessageThreadPoolNums=1
i sendThreadPoolQueueCapacity=10000
l shortPollingTimeMills=1000
b slaveReadEnable=false
l startAcceptSendRequestTimeStamp=0
b storeReplyMessageEnable=true
b traceOn=true
b traceTopicEnable=false
l transactionCheckInterval=60000
i transactionCheckMax=15
l transactionTimeOut=6000
b transferMsgByHeap=true
l waitTimeMillsInHeartbeatQueue=31000
l waitTimeMillsInPullQueue=5000
l waitTimeMillsInSendQueue=200
l waitTimeMillsInTransactionQueue=3000
"""

# MessageStoreConfig
STORE = """\
i accessMessageInMemoryMaxRatio=40
i bitMapLengthConsumeQueueExt=64
e brokerRole:ASYNC_MASTER,SYNC_MASTER,SLAVE=ASYNC_MASTER
b checkCRCOnRecover=true
b cleanFileForciblyEnable=true
i cleanResourceInterval=10000
i commitCommitLogLeastPages=4
i commitCommitLogThoroughInterval=200
i commitIntervalCommitLog=200
s dLegerGroup
s dLegerPeers
s dLegerSelfId
b debugLockEnable=false
i defaultQueryMaxNum=32
i deleteCommitLogFilesInterval=100
i deleteConsumeQueueFilesInterval=100
s deleteWhen=04
i destroyMapedFileIntervalForcibly=120000
b diskFallRecorded=true
i diskMaxUsedSpaceRatio=75
b duplicationEnable=false
b enableConsumeQueueExt=false
b enableDLegerCommitLog=false
b fastFailIfNoBufferInStorePool=false
i fileReservedTime=72
i flushCommitLogLeastPages=4
i flushCommitLogThoroughInterval=10000
b flushCommitLogTimed=false
i flushConsumeQueueLeastPages=2
i flushConsumeQueueThoroughInterval=60000
l flushDelayOffsetInterval=10000
e flushDiskType:SYNC_FLUSH,ASYNC_FLUSH=ASYNC_FLUSH
i flushIntervalCommitLog=500
i flushIntervalConsumeQueue=1000
i flushLeastPagesWhenWarmMapedFile=4096
i haHousekeepingInterval=20000
i haListenPort=10912
s haMasterAddress
i haSendHeartbeatInterval=5000
i haSlaveFallbehindMax=268435456
i haTransferBatchSize=32768
i mappedFileSizeCommitLog=1073741824
i mappedFileSizeConsumeQueue=6000000
i mappedFileSizeConsumeQueueExt=50331648
i maxHashSlotNum=5000000
i maxIndexNum=20000000
i maxMessageSize=4194304
i maxMsgsNumBatch=64
i maxTransferBytesOnMessageInDisk=65536
i maxTransferBytesOnMessageInMemory=262144
i maxTransferCountOnMessageInDisk=8
i maxTransferCountOnMessageInMemory=32
s messageDelayLevel=1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h
b messageIndexEnable=true
b messageIndexSafe=false
b offsetCheckInSlave=false
l osPageCacheBusyTimeOutMills=1000
i putMsgIndexHightWater=600000
i redeleteHangedFileInterval=120000
s storePathCommitLog=@HOME@/store/commitlog
s storePathRootDir=@HOME@/store
i syncFlushTimeout=5000
b transientStorePoolEnable=false
i transientStorePoolSize=5
b useReentrantLockWhenPutMessage=false
b warmMapedFileEnable=false
"""

# NamesrvConfig
NAMESRV = """\
b clusterTest=false
s configStorePath=@HOME@/namesrv/namesrv.properties
s kvConfigPath=@HOME@/namesrv/kvConfig.json
b orderMessageEnable=false
s productEnvName=center
s rocketmqHome=@RMQHOME@
"""

# NettyServerConfig
NETTY_SERVER = """\
i listenPort=8888
i serverAsyncSemaphoreValue=64
i serverCallbackExecutorThreads=0
i serverChannelMaxIdleTimeSeconds=120
i serverOnewaySemaphoreValue=256
b serverPooledByteBufAllocatorEnable=true
i serverSelectorThreads=3
i serverSocketRcvBufSize=65535
i serverSocketSndBufSize=65535
i serverWorkerThreads=8
b useEpollNativeSelector=false
"""

# NettyClientConfig
NETTY_CLIENT = """\
l channelNotActiveInterval=60000
i clientAsyncSemaphoreValue=65535
i clientCallbackExecutorThreads=@1p
i clientChannelMaxIdleTimeSeconds=120
b clientCloseSocketIfTimeout=false
i clientOnewaySemaphoreValue=65535
b clientPooledByteBufAllocatorEnable=false
i clientSocketRcvBufSize=65535
i clientSocketSndBufSize=65535
i clientWorkerThreads=4
i connectTimeoutMillis=3000
b useTLS=false
"""
