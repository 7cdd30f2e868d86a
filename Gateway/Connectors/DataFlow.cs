namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What there is to say of one way by which data comes in; docs/data-flows.md is made of these.</summary>
/// <param name="Type">The source document's <c>type</c>, or the name of a door that needs no document.</param>
/// <param name="Endpoint">Where it comes in, or where it is fetched.</param>
/// <param name="Authentication">What proves whose it is.</param>
/// <param name="Format">What it looks like, with the document that says so.</param>
/// <param name="Frequency">When, how much at once, and how often it is repeated.</param>
/// <param name="Mapping">How it becomes events.</param>
/// <param name="Events">What events it makes.</param>
public sealed record DataFlow(string Type, string Endpoint, string Authentication, string Format, string Frequency, string Mapping, string[] Events);
