using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Debezium Server's HTTP sink (https://debezium.io/documentation/reference/stable/operations/debezium-server.html#_http_client): one change event a request.</summary>
internal sealed class DebeziumWebhook : IConnector
{
    public DataFlow Flow { get; } = new(
        ItemFormats.Debezium,
        "POST /v1/webhooks/{workspace}/{source}",
        "the secret as Bearer, as the password of Basic, or in the header that `header` names",
        "[change events of Debezium](https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events) for PostgreSQL, as JSON with or without the schema",
        "as a transaction is committed, and all rows at the first start; Debezium repeats what was not answered with 2xx",
        "`tables`: for each table whose row it is, and which traits its columns are",
        ["identify; and what `deleted` says"]);

    public IReadOnlyCollection<string> Members => [SharedSecret.HeaderMember, ItemFormats.TablesMember];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        SharedSecret.Validate(document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: each table has one of its own");
        _ = Debezium.ReadTables(document);
    }

    /// <summary>A tombstone has no body, and then no type.</summary>
    public bool Takes(string mediaType) => mediaType.Length == 0 || IConnector.IsJson(mediaType);

    public Proof Verify(Delivery delivery, Source source) => SharedSecret.Verify(delivery, source);

    public Inflow Parse(Delivery delivery, Source source) => new(ItemFormats.ReadMessage(source, delivery.Body, delivery.ReceivedAt));

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source) => ItemFormats.Read(source, item, origin);
}
