namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What there is to say of the sources that a silo fetches from; what fetches is the host's.</summary>
public static class FetchedFlows
{
    private const string Formats = "`mapping` for json and, if wanted, cloudevents; `tables` for debezium; none for native and segment";

    public static readonly DataFlow RabbitMq = new(
        "rabbitmq",
        "the queue `queue` of the broker at `uri`, by AMQP 0-9-1",
        "`username` and `password`, over TLS; `caCertificate` where the broker's certificate is of an authority of one's own",
        "JSON: `format` is native, segment, json, cloudevents or debezium",
        "as it is published, up to `prefetch` messages at once; acknowledged when durable, and what cannot be used goes to `deadLetterQueue`",
        Formats,
        ["what the messages say"]);

    public static readonly DataFlow Poll = new(
        "poll",
        "GET `url`, with the cursor as a parameter of its query",
        "`authorization`, sent in the header that `header` names, over TLS",
        "JSON: an array, or one at `items`; `format` is native, segment, json, cloudevents or debezium",
        "every `interval`, at least 10 s; pages that follow at once; less and less often while the source fails",
        Formats,
        ["what the items say"]);
}
