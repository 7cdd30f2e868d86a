using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Personalize.Gateway.Content;
using Orleans.Personalize.Gateway.Imports;
using Orleans.Personalize.Gateway.SuppressionList;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>Every record of the API, with serializers made at compile time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(EventResults))]
[JsonSerializable(typeof(EventResult[]))]
[JsonSerializable(typeof(NativeBatch))]
[JsonSerializable(typeof(SegmentEvent))]
[JsonSerializable(typeof(SegmentBatch))]
[JsonSerializable(typeof(SegmentResponse))]
[JsonSerializable(typeof(CustomerResponse))]
[JsonSerializable(typeof(ExplanationResponse))]
[JsonSerializable(typeof(ProfileDiff))]
[JsonSerializable(typeof(ConflictsResponse))]
[JsonSerializable(typeof(LiveFacts))]
[JsonSerializable(typeof(WaitRequest))]
[JsonSerializable(typeof(ShiftRequest))]
[JsonSerializable(typeof(BacktestRequestBody))]
[JsonSerializable(typeof(BacktestResponse))]
[JsonSerializable(typeof(OverviewResponse))]
[JsonSerializable(typeof(RecentDecisions))]
[JsonSerializable(typeof(ClusterResponse))]
[JsonSerializable(typeof(LatestActivityResponse))]
[JsonSerializable(typeof(Page<TimelineResponse>))]
[JsonSerializable(typeof(Items<CustomerHitResponse>))]
[JsonSerializable(typeof(DocumentResponse))]
[JsonSerializable(typeof(Items<DocumentResponse>))]
[JsonSerializable(typeof(Items<VersionResponse>))]
[JsonSerializable(typeof(ReasonRequest))]
[JsonSerializable(typeof(RampRequest))]
[JsonSerializable(typeof(BulkRequest))]
[JsonSerializable(typeof(BulkResponse))]
[JsonSerializable(typeof(ContentResponse))]
[JsonSerializable(typeof(ContentLinks))]
[JsonSerializable(typeof(AllCounts))]
[JsonSerializable(typeof(AttentionPage))]
[JsonSerializable(typeof(SenderStatusResponse))]
[JsonSerializable(typeof(TestSendRequest))]
[JsonSerializable(typeof(TestSendResponse))]
[JsonSerializable(typeof(SendHistoryResponse))]
[JsonSerializable(typeof(SourceStatusResponse))]
[JsonSerializable(typeof(TemplatePreviewRequest))]
[JsonSerializable(typeof(TemplatePreviewResponse))]
[JsonSerializable(typeof(CallerResponse))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(LoginResponse))]
[JsonSerializable(typeof(KeyCreated))]
[JsonSerializable(typeof(Items<KeyResponse>))]
[JsonSerializable(typeof(SuppressionResponse))]
[JsonSerializable(typeof(SuppressionPage))]
[JsonSerializable(typeof(SuppressionRequest))]
[JsonSerializable(typeof(ImportResponse))]
[JsonSerializable(typeof(Page<QuarantineResponse>))]
[JsonSerializable(typeof(QuarantineDetail))]
[JsonSerializable(typeof(Items<QuarantineCountResponse>))]
[JsonSerializable(typeof(FixRequest))]
[JsonSerializable(typeof(ReplayResponse))]
[JsonSerializable(typeof(QuarantineBulkResponse))]
[JsonSerializable(typeof(SchemaDraftResponse))]
[JsonSerializable(typeof(SourceStats))]
[JsonSerializable(typeof(ImportRequestBody))]
[JsonSerializable(typeof(ReconciliationRequestBody))]
[JsonSerializable(typeof(JobResponse))]
[JsonSerializable(typeof(Items<JobResponse>))]
[JsonSerializable(typeof(JobProblems))]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(ProblemError[]))]
internal sealed partial class ApiJson : JsonSerializerContext;

/// <summary>Everything there is, in one answer.</summary>
internal sealed record Items<T>(T[] Entries)
{
    [JsonPropertyName("items")]
    public T[] Entries { get; } = Entries;
}

/// <summary>A part of a longer list.</summary>
/// <param name="Entries">Newest first.</param>
/// <param name="Next">The <c>before</c> of the next page; null at the end.</param>
internal sealed record Page<T>([property: JsonPropertyName("items")] T[] Entries, long? Next);

/// <summary>JSON that is passed on as it is; absent is null.</summary>
[JsonConverter(typeof(RawJsonConverter))]
internal readonly record struct RawJson(JsonText Text);

internal sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Raw JSON is only written.");

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options)
    {
        if (value.Text.IsAbsent)
            writer.WriteNullValue();
        else
            writer.WriteRawValue(value.Text.Span, skipInputValidation: true);
    }
}
